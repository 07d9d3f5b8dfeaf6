"""What the help of `reproduce` says of the papers."""

from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.help import describe_papers


def test_of_each_paper_what_it_asks_and_how_long_it_takes():
    papers = [load_paper(name) for name in PAPERS]
    text = describe_papers(papers)
    for paper in papers:
        assert f"{paper.name}: {paper.question}" in text
        for scale, length in paper.lengths.items():
            assert f"  {scale}: {length.trainings} trainings, {length.takes}" in text
        for words, _ in paper.examples:
            assert f"  python -m segan_tl reproduce {words}" in text
    assert max(map(len, text.splitlines())) <= 120

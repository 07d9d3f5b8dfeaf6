// Tables that sort by a click on a column; a case of a table opens in the viewer.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.value;
      const rows = [...body.rows].sort((one, other) => compare(key(one), key(other), down ? -1 : 1));
      body.append(...rows);
    });
  });
}

// Numbers by value, words by alphabet, what is missing last either way.
function compare(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const [first, second] = [Number(one), Number(other)];
  if (Number.isNaN(first) || Number.isNaN(second)) return direction * one.localeCompare(other);
  return direction * (first - second);
}

// Of several regions, the rows of one.
const regions = document.getElementById("case-region");
function chooseRegion() {
  const table = document.querySelector("table.sortable");
  table.classList.toggle("one-region", regions.value !== "");
  for (const row of table.tBodies[0].rows) row.hidden = regions.value !== "" && row.dataset.region !== regions.value;
}
if (regions) {
  regions.parentElement.hidden = false;
  regions.addEventListener("change", chooseRegion);
  chooseRegion();
}

for (const button of document.querySelectorAll("button.case")) {
  button.addEventListener("click", () => window.showReportCase?.(button.dataset.case));
}

// The slice viewer: one NiiVue canvas a run (two at most), one set of controls.
"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const byId = (name) => document.getElementById(name);
  const message = byId("viewer-message");
  message.textContent = "Loading the viewer …";
  byId("viewer").classList.add("alive");
  const AXES = { axial: 2, coronal: 1, sagittal: 0, three: 2 };
  const BOTH = 1, ONLY_PREDICTION = 2, MISSED = 3, TRUTH = 4;

  async function unpack(element) {
    const bytes = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  async function start() {
    if (!document.createElement("canvas").getContext("webgl2")) {
      throw new Error("this browser offers no WebGL 2, which the slices need; everything else on this page works");
    }
    const script = document.createElement("script");
    script.textContent = await unpack(byId("niivue"));
    document.head.append(script);
    const { red, green, blue } = colours();
    const labels = { R: red, G: green, B: blue, A: [0, 255, 255, 255, 255], I: [0, 1, 2, 3, 4] };
    const panels = [];
    for (let index = 0; byId(`canvas${index}`); index++) {
      panels.push(await makePanel(index, labels));
    }
    return panels;
  }

  function colours() {
    const rows = [[0, 0, 0], data.colours.both, data.colours.prediction, data.colours.missed,
      data.colours.truth];
    const channel = (place) => rows.map((row) => row[place]);
    return { red: channel(0), green: channel(1), blue: channel(2) };
  }

  async function makePanel(index, labels) {
    const nv = new niivue.Niivue({
      isRadiologicalConvention: true, backColor: [0, 0, 0, 1], crosshairWidth: 0, crosshairColor: [1, 1, 1, 0.5],
      dragAndDropEnabled: false, isNearestInterpolation: false, logLevel: "error", showLegend: false,
      dragMode: niivue.DRAG_MODE.windowing, fontColor: [0.75, 0.75, 0.75, 1], loadingText: "",
    });
    await nv.attachTo(`canvas${index}`);
    // NiiVue would keep a finger's movements for itself, and the page could not be scrolled past a canvas.
    for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
      byId(`canvas${index}`).parentElement.addEventListener(kind, (event) => event.stopPropagation(),
        { capture: true, passive: true });
    }
    const panel = { index, nv, labels, image: null, overlay: null };
    nv.onLocationChange = () => follow(panel);
    nv.onIntensityChange = (volume) => {
      if (busy || !Number.isFinite(volume.cal_min)) return;
      byId("level").value = Math.round((volume.cal_min + volume.cal_max) / 2);
      byId("width").value = Math.round(volume.cal_max - volume.cal_min);
      window_();
    };
    return panel;
  }

  // === State ===

  let busy = true;
  let current = null; // the case, with its masks as arrays
  let panels = [];

  const axis = () => AXES[byId("plane").value];
  const runOf = (panel) => Number(byId(`run${panel.index}`)?.value ?? panel.index);

  async function decode(base64) {
    return niivue.NVImage.loadFromBase64({ base64, name: "volume.nii.gz" });
  }

  async function showCase(number) {
    busy = true;
    const found = data.cases[number];
    const truth = await decode(found.truth);
    const predictions = [];
    for (const one of found.predictions) predictions.push(one ? (await decode(one)).img : null);
    current = { ...found, truth: truth.img, predictions };
    const modality = byId("modality");
    const wanted = modality.value;
    modality.replaceChildren(...Object.keys(found.images).map((name) => new Option(name, name)));
    if (wanted in found.images) modality.value = wanted;
    await showImages();
    busy = false;
    const place = lesion();
    if (byId("plane").value === "axial") place[2] = (found.start + 0.5) / count();
    move(place);
  }

  async function showImages() {
    const before = panels[0].nv.volumes.length ? [...panels[0].nv.scene.crosshairPos] : null;
    for (const panel of panels) {
      for (const volume of [...panel.nv.volumes]) panel.nv.removeVolume(volume);
      panel.image = await decode(current.images[byId("modality").value]);
      panel.overlay = await decode(data.cases[byId("case").value].truth);
      panel.nv.addVolume(panel.image);
      panel.nv.addVolume(panel.overlay);
      panel.overlay.setColormapLabel(panel.labels);
      plane(panel);
      if (before) panel.nv.scene.crosshairPos = before;
    }
    window_();
    paint();
    opacity();
  }

  // === What the controls do ===

  function paint() {
    const layer = byId("layer").value;
    const region = Number(byId("region")?.value ?? 0);
    const bit = 1 << region;
    for (const panel of panels) {
      const prediction = current.predictions[runOf(panel)];
      const { truth } = current;
      const shown = panel.overlay.img;
      for (let i = 0; i < shown.length; i++) {
        const real = (truth[i] & bit) !== 0;
        const found = prediction !== null && (prediction[i] & bit) !== 0;
        if (layer === "truth" || (layer === "difference" && prediction === null)) {
          shown[i] = real ? TRUTH : 0;
        } else if (layer === "difference") {
          shown[i] = real ? (found ? BOTH : MISSED) : found ? ONLY_PREDICTION : 0;
        } else {
          shown[i] = layer === "prediction" && found ? ONLY_PREDICTION : 0;
        }
      }
      const dice = current.dice[runOf(panel)][region];
      const expected = current.predicted[runOf(panel)];
      const second = expected === null || expected === undefined ? "" : `, predicted ${expected.toFixed(2)}`;
      byId(`caption${panel.index}`).textContent = prediction === null
        ? `prediction ${current.problems[runOf(panel)]}: truth only` : `${data.regions[region].toUpperCase()} Dice ${dice?.toFixed(3) ?? "–"}${second}`;
      panel.nv.updateGLVolume();
    }
    const shown = panels.map((panel) => current.predictions[runOf(panel)] !== null);
    const difference = shown.includes(true) ? [...data.meanings.slice(0, 3), null] : [null, null, null, null];
    if (shown.includes(false)) difference[3] = data.meanings[3];
    const meanings = {
      difference, truth: [null, null, null, data.meanings[3]], prediction: [null, "prediction", null, null],
      none: [null, null, null, null],
    }[layer];
    [...byId("legend").children].forEach((item, place) => {
      item.hidden = meanings[place] === null;
      item.lastChild.textContent = meanings[place] ?? "";
    });
  }

  function opacity() {
    const value = Number(byId("opacity").value);
    byId("opacity-value").textContent = `${value} %`;
    for (const panel of panels) panel.nv.setOpacity(1, value / 100);
  }

  function window_() {
    const level = Number(byId("level").value);
    const width = Number(byId("width").value);
    byId("level-value").textContent = level;
    byId("width-value").textContent = width;
    for (const panel of panels) {
      panel.image.cal_min = level - width / 2;
      panel.image.cal_max = level + width / 2;
      panel.nv.updateGLVolume();
    }
  }

  function plane(panel) {
    const type = byId("plane").value;
    const kinds = niivue.SLICE_TYPE;
    panel.nv.setCrosshairWidth(type === "three" ? 0.4 : 0);
    panel.nv.setSliceType(
      { axial: kinds.AXIAL, coronal: kinds.CORONAL, sagittal: kinds.SAGITTAL, three: kinds.MULTIPLANAR }[type],
    );
  }

  const count = () => panels[0].image.dimsRAS[axis() + 1];

  function goTo(slice) {
    const place = [...panels[0].nv.scene.crosshairPos];
    if (slice !== undefined) place[axis()] = (slice + 0.5) / count();
    move(place);
  }

  // Where the truth of the region is, else a prediction, else the middle: the mean of its voxels in [0, 1]³.
  function lesion() {
    const bit = 1 << Number(byId("region")?.value ?? 0);
    const [width, height, depth] = panels[0].overlay.hdr.dims.slice(1, 4);
    for (const mask of [current.truth, ...current.predictions]) {
      const sum = [0, 0, 0, 0];
      for (let i = 0; mask && i < mask.length; i++) {
        if ((mask[i] & bit) === 0) continue;
        sum[0] += i % width;
        sum[1] += Math.floor(i / width) % height;
        sum[2] += Math.floor(i / (width * height));
        sum[3] += 1;
      }
      if (sum[3]) {
        const middle = [0, 1, 2].map((one) => Math.round(sum[one] / sum[3]));
        const place = panels[0].overlay.hdr.affine.slice(0, 3).map(
          (row) => row[0] * middle[0] + row[1] * middle[1] + row[2] * middle[2] + row[3],
        );
        return [...panels[0].nv.mm2frac(place)];
      }
    }
    return [0.5, 0.5, 0.5];
  }

  function move(place) {
    busy = true;
    for (const panel of panels) {
      panel.nv.scene.crosshairPos = place;
      panel.nv.drawScene();
    }
    busy = false;
    tell();
  }

  function follow(panel) {
    if (busy || !current) return;
    move([...panel.nv.scene.crosshairPos]);
  }

  function tell() {
    const slice = Math.min(Math.floor(panels[0].nv.scene.crosshairPos[axis()] * count()), count() - 1);
    byId("slice").max = count() - 1;
    byId("slice").value = slice;
    const whole = axis() === 2 ? `${current.first + slice * current.factor} of ${current.slices}` : `${slice} of ${count()}`;
    byId("slice-value").textContent = whole;
  }

  // === Wiring ===

  try {
    panels = await start();
    byId("case").addEventListener("change", () => showCase(Number(byId("case").value)));
    byId("modality").addEventListener("change", async () => { busy = true; await showImages(); busy = false; goTo(); });
    for (const name of ["layer", "region", "run0", "run1"]) byId(name)?.addEventListener("change", paint);
    byId("plane").addEventListener("change", () => { panels.forEach(plane); move(lesion()); });
    byId("slice").addEventListener("input", () => goTo(Number(byId("slice").value)));
    byId("opacity").addEventListener("input", opacity);
    for (const name of ["level", "width"]) byId(name).addEventListener("input", window_);
    byId("reset").addEventListener("click", () => {
      for (const name of ["opacity", "level", "width"]) byId(name).value = byId(name).defaultValue;
      window_();
      opacity();
    });
    if (byId("run1")) byId("run1").value = "1";
    window.showReportCase = async (id) => {
      const number = data.cases.findIndex((one) => one.id === id);
      byId("case").value = number;
      await showCase(number);
      byId("viewer").scrollIntoView();
    };
    await showCase(0);
    message.hidden = true;
    byId("viewer").dataset.ready = "true";
  } catch (error) {
    byId("viewer").classList.add("failed");
    message.textContent = `The slices cannot be shown: ${error.message}.`;
    byId("viewer").dataset.ready = "failed";
  }
})();

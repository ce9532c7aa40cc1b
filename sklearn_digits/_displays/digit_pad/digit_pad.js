// <digit-pad>: draw a digit, see what the network makes of it.
//
// Needs digit_pad_image.js, digit_pad_network.js and digit_pad_weights.js before it, and
// digit_pad.css beside it. Nothing is fetched from elsewhere, and nothing is sent.
"use strict";

(() => {
  const { toDigitImage, Network, occlude } = globalThis.digitPad;
  const FOLDER = new URL(".", document.currentScript.src);
  const SIDE = 28;
  const PAPER = 200; // sides of the drawing that the network is shown, in pixels
  const PEN = 13; // width of a stroke on the paper
  const KEY_STEP = PAPER / 25; // of the pen that the arrow keys move
  const LIVE_DELAY = 80; // milliseconds between answers while a stroke is drawn
  const SLICE = 10; // milliseconds of work before the page may react
  const DIM = 80; // gray of strokes on the map
  const GLOW = [255, 138, 76]; // red, green, blue of those that the answer rests on
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const EXAMPLES = [
    "M60 52C80 28 140 30 136 70C134 92 104 96 92 97C120 97 146 112 140 142C134 176 74 178 58 152",
    "M56 46L146 42C122 84 104 126 96 170",
    "M132 36C92 56 66 96 66 132C66 172 134 176 134 136C134 104 84 104 68 132",
    "M116 34C98 62 76 92 54 122L148 120M120 88L116 172",
    "M62 66C66 28 136 30 132 72C128 106 82 142 60 166C90 162 120 164 146 164",
  ];

  const PAGE = `
    <link rel="stylesheet" href="${new URL("digit_pad.css", FOLDER)}">
    <div class="pad">
      <div class="drawing">
        <svg class="paper" viewBox="0 0 ${PAPER} ${PAPER}" tabindex="0" role="application"
             aria-roledescription="drawing pad" aria-label="Paper to draw a digit on"
             aria-describedby="keys">
          <g class="strokes"></g>
          <circle class="pen" r="${PEN / 2}"></circle>
          <text class="hint" x="100" y="105">Draw a digit</text>
        </svg>
        <div class="buttons">
          <button type="button" data-action="clear">Clear</button>
          <button type="button" data-action="undo">Undo</button>
          <button type="button" data-action="example">Example</button>
        </div>
        <p class="keys" id="keys">Keyboard: arrow keys move the pen, Space lowers and lifts
          it, Backspace undoes, Delete clears.</p>
      </div>
      <div class="answer">
        <div class="verdict" role="status" aria-live="polite" aria-atomic="true">
          <span class="digit" aria-hidden="true"></span>
          <span class="words"><strong></strong><span class="detail"></span></span>
        </div>
        <table class="bars">
          <caption>Probability of each digit</caption>
          <tbody></tbody>
        </table>
        <div class="views">
          <figure>
            <canvas class="seen" width="${SIDE}" height="${SIDE}" role="img"></canvas>
            <figcaption>What the network sees</figcaption>
          </figure>
          <figure>
            <canvas class="map" width="${SIDE}" height="${SIDE}" role="img"></canvas>
            <figcaption>What it looks at</figcaption>
          </figure>
        </div>
      </div>
    </div>
    <p class="pen-news" role="status" aria-live="polite"></p>`;

  const BAR = (digit) => `
    <tr><th scope="row">${digit}</th>
      <td class="bar"><span></span></td><td class="percent">–</td></tr>`;

  const percent = (share) => (share > 0.995 ? "> 99 %" : `${Math.round(100 * share)} %`);

  // Lets the page react, then goes on.
  const pause = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); resolve(); };
    port2.postMessage(null);
  });

  // A path of SVG through points, rounded at each of them.
  function pathOf(points) {
    const [[x, y], ...rest] = points;
    const curves = rest.map(([x1, y1], i) => {
      const [x0, y0] = points[i];
      return `Q${x0} ${y0} ${(x0 + x1) / 2} ${(y0 + y1) / 2}`;
    });
    const [lastX, lastY] = points.at(-1);
    return `M${x} ${y}${curves.join("")}L${lastX} ${lastY}`;
  }

  // The gray values of the strokes, white ink on black paper, as the network is shown them.
  function inkOf(paths) {
    const canvas = new OffscreenCanvas(PAPER, PAPER);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    for (const path of paths) context.stroke(new Path2D(path));
    const { data } = context.getImageData(0, 0, PAPER, PAPER);
    return Uint8Array.from({ length: PAPER * PAPER }, (_, p) => data[4 * p + 3]);
  }

  // Fills a canvas of 28x28 pixels; `color` gives red, green, blue of a pixel.
  function paint(canvas, color) {
    const pixels = new ImageData(SIDE, SIDE);
    for (let p = 0; p < SIDE * SIDE; p++) pixels.data.set([...color(p), 255], 4 * p);
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  class DigitPad extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      this.attachShadow({ mode: "open" }).innerHTML = PAGE;
      this.network = new Network(globalThis.digitPad.weights);
      this.paths = []; // of the strokes, as SVG has them
      this.points = null; // of the stroke that is being drawn
      this.pen = [PAPER / 2, PAPER / 2];
      this.nextExample = 0;
      this.find("tbody").innerHTML = Array.from({ length: 10 }, (_, i) => BAR(i)).join("");
      this.listen();
      this.show();
      this.warmUp();
    }

    // Lets the browser compile what the first answer needs.
    async warmUp() {
      const ink = inkOf(EXAMPLES.slice(0, 1));
      for (let round = 0; round < 5; round++) {
        await pause();
        this.network.predict(toDigitImage(ink, PAPER, PAPER));
      }
    }

    find(selector) {
      return this.shadowRoot.querySelector(selector);
    }

    listen() {
      const paper = this.find(".paper");
      paper.addEventListener("pointerdown", (event) => this.startStroke(event));
      paper.addEventListener("pointermove", (event) => this.continueStroke(event));
      for (const name of ["pointerup", "pointercancel"]) {
        paper.addEventListener(name, () => this.endStroke());
      }
      paper.addEventListener("keydown", (event) => this.press(event));
      paper.addEventListener("blur", () => this.endStroke());
      this.find(".buttons").addEventListener("click", (event) => {
        const { action } = event.target.dataset;
        if (action) this[action]();
      });
    }

    // Drawing, with a pointer.

    place(event) {
      const { left, top, width, height } = this.find(".paper").getBoundingClientRect();
      const x = ((event.clientX - left) / width) * PAPER;
      const y = ((event.clientY - top) / height) * PAPER;
      return [x, y].map((value) => Number(value.toFixed(2)));
    }

    startStroke(event) {
      if (event.button) return;
      this.endStroke();
      event.currentTarget.setPointerCapture(event.pointerId);
      this.find(".paper").classList.remove("with-keys");
      this.pointer = event.pointerId;
      this.points = [this.place(event)];
      this.draw();
    }

    continueStroke(event) {
      if (!this.points || event.pointerId !== this.pointer) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        this.points.push(this.place(each));
      }
      this.draw();
      this.answerSoon();
    }

    endStroke() {
      if (!this.points) return;
      this.paths.push(pathOf(this.points));
      this.points = null;
      this.pointer = null;
      this.show();
    }

    // Drawing, with the keyboard.

    press(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key in ARROWS) this.movePen(ARROWS[event.key]);
      else if (event.key === " ") this.lowerOrLift();
      else if (event.key === "Backspace") this.undo();
      else if (event.key === "Delete") this.clear();
      else return;
      event.preventDefault();
    }

    movePen(direction) {
      this.pen = this.pen.map((value, axis) => {
        const moved = value + direction[axis] * KEY_STEP;
        return Math.min(Math.max(moved, PEN / 2), PAPER - PEN / 2);
      });
      if (this.points) this.points.push(this.pen);
      this.find(".paper").classList.add("with-keys");
      this.draw();
    }

    lowerOrLift() {
      this.find(".paper").classList.add("with-keys");
      const lowered = !this.points;
      if (lowered) this.points = [this.pen];
      else this.endStroke();
      this.draw();
      this.find(".pen-news").textContent = lowered ? "Pen down." : "Pen up.";
    }

    // Buttons.

    clear() {
      this.setStrokes([]);
    }

    undo() {
      this.endStroke();
      this.setStrokes(this.paths.slice(0, -1));
    }

    example() {
      this.setStrokes([EXAMPLES[this.nextExample]]);
      this.nextExample = (this.nextExample + 1) % EXAMPLES.length;
    }

    setStrokes(paths) {
      this.points = null;
      this.paths = paths;
      this.show();
    }

    // What is seen.

    get allPaths() {
      return this.points ? [...this.paths, pathOf(this.points)] : this.paths;
    }

    draw() {
      const paths = this.allPaths;
      const strokes = this.find(".strokes");
      strokes.innerHTML = paths.map((path) => `<path d="${path}"/>`).join("");
      strokes.style.strokeWidth = PEN;
      const pen = this.find(".pen");
      pen.setAttribute("cx", this.pen[0]);
      pen.setAttribute("cy", this.pen[1]);
      pen.classList.toggle("down", Boolean(this.points));
      this.find(".hint").toggleAttribute("hidden", paths.length > 0);
    }

    // Answers now and then while a stroke grows.
    answerSoon() {
      if (performance.now() < (this.nextAnswer ?? 0)) return;
      this.nextAnswer = performance.now() + LIVE_DELAY;
      this.answer();
    }

    async show() {
      this.draw();
      this.answer();
      await this.map();
    }

    answer() {
      const started = performance.now();
      this.ink = inkOf(this.allPaths);
      this.image = toDigitImage(this.ink, PAPER, PAPER);
      this.probabilities = this.image && this.network.predict(this.image);
      this.turn = (this.turn ?? 0) + 1; // a map of an earlier drawing is given up
      paint(this.find(".seen"), (p) => Array(3).fill(this.image?.[p] ?? 0));
      paint(this.find(".map"), (p) => Array(3).fill(((this.image?.[p] ?? 0) / 255) * DIM));
      this.showBars();
      this.showVerdict();
      this.milliseconds = performance.now() - started;
    }

    showBars() {
      const best = this.probabilities ? Math.max(...this.probabilities) : null;
      this.shadowRoot.querySelectorAll("tbody tr").forEach((row, digit) => {
        const share = this.probabilities?.[digit] ?? 0;
        row.querySelector(".bar span").style.inlineSize = `${100 * share}%`;
        row.querySelector(".percent").textContent = this.probabilities ? percent(share) : "–";
        row.classList.toggle("best", share === best);
      });
    }

    // The rule for "not sure": the highest probability is below `sureFrom`.
    verdict() {
      if (!this.allPaths.length) return ["?", "Not sure", "The paper is empty."];
      if (!this.image) return ["?", "Not sure", "No digit stands out from the paper."];
      const best = Math.max(...this.probabilities);
      const digit = this.probabilities.indexOf(best);
      const sure = best >= this.network.sureFrom;
      if (sure) return [digit, `It is a ${digit}`, `${percent(best)} sure`];
      return ["?", "Not sure", `Is it a digit? ${digit} is the closest, ${percent(best)}.`];
    }

    showVerdict() {
      const [digit, words, detail] = this.verdict();
      this.sure = digit !== "?";
      // A screen reader waits for the end of a stroke.
      this.find(".verdict").setAttribute("aria-busy", Boolean(this.points));
      this.find(".answer").classList.toggle("sure", this.sure);
      this.find(".digit").textContent = digit;
      this.find(".words strong").textContent = words;
      this.find(".detail").textContent = detail;
      const seen = this.image ? "Your drawing, as 28 by 28 pixels" : "Nothing";
      this.find(".seen").setAttribute("aria-label", seen);
      this.find(".map").setAttribute("aria-label", `${seen}; what the answer rests on is bright`);
    }

    // The occlusion map, in slices of time, so that drawing stays smooth.
    async map() {
      this.drops = null;
      if (!this.image) return;
      const { turn, image } = this;
      const steps = occlude(this.network, image);
      let step = { done: false };
      while (!step.done) {
        await pause();
        if (this.turn !== turn) return;
        const end = performance.now() + SLICE;
        while (!step.done && performance.now() < end) step = steps.next();
      }
      this.drops = step.value;
      this.showMap();
    }

    showMap() {
      const most = Math.max(...this.drops, 0.02);
      paint(this.find(".map"), (p) => {
        const share = Math.sqrt(Math.max(this.drops[p], 0) / most);
        const ink = this.image[p] / 255;
        const halo = 0.15 * share * (1 - ink);
        return GLOW.map((glow) => ink * (DIM + share * (glow - DIM)) + halo * glow);
      });
    }
  }

  customElements.define("digit-pad", DigitPad);
})();

// The network of load_pretrained("mnist"), and the map of where it looks.
"use strict";

(() => {
  const SIDE = 28;
  const WINDOW = 7; // side of what is covered, in pixels
  const STRIDE = 3;

  // IEEE half precision, little-endian, in base 64.
  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const halves = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => {
      const half = halves.getUint16(2 * i, true);
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
      return half >> 15 ? -size : size;
    });
  }

  const decoded = (layer) => ({ ...layer, kernel: decode(layer.kernel) });

  // Maps hold the channels of a pixel side by side, kernels the outputs of an input.
  function convolve({ height, width, values }, { kernel, shape, stride, padding }) {
    const [tall, wide, nInput, nOut] = shape;
    const rows = Math.floor((height + 2 * padding - tall) / stride) + 1;
    const columns = Math.floor((width + 2 * padding - wide) / stride) + 1;
    const result = new Float32Array(rows * columns * nOut);
    const sums = new Float64Array(nOut);
    for (let row = 0, p = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, p++) {
        sums.fill(0);
        for (let i = 0; i < tall; i++) {
          const y = row * stride + i - padding;
          if (y < 0 || y >= height) continue;
          for (let j = 0; j < wide; j++) {
            const x = column * stride + j - padding;
            if (x < 0 || x >= width) continue;
            let k = (i * wide + j) * nInput * nOut;
            const start = (y * width + x) * nInput;
            for (let c = start; c < start + nInput; c++, k += nOut) {
              const value = values[c];
              if (value === 0) continue; // half of all, after ReLU
              for (let o = 0; o < nOut; o++) sums[o] += value * kernel[k + o];
            }
          }
        }
        result.set(sums, p * nOut);
      }
    }
    return { height: rows, width: columns, values: result };
  }

  // The largest of two by two pixels.
  function pool({ height, width, values }, nOut) {
    const [rows, columns] = [height >> 1, width >> 1];
    const result = new Float32Array(rows * columns * nOut);
    for (let p = 0; p < rows * columns; p++) {
      const above = 2 * Math.floor(p / columns) * width + 2 * (p % columns);
      for (let o = 0; o < nOut; o++) {
        const value = (q) => values[q * nOut + o];
        result[p * nOut + o] = Math.max(
          value(above), value(above + 1), value(above + width), value(above + width + 1));
      }
    }
    return { height: rows, width: columns, values: result };
  }

  // Batch normalization is one factor and one offset a channel; ReLU follows.
  function normalize({ values }, { scale, shift }) {
    for (let p = 0; p < values.length; p++) {
      const channel = p % scale.length;
      values[p] = Math.max(0, values[p] * scale[channel] + shift[channel]);
    }
  }

  // The maximum of each channel, then the mean of each.
  function embed({ values }, nOut) {
    const features = new Float64Array(2 * nOut);
    for (let p = 0; p < values.length; p++) {
      const channel = p % nOut;
      features[channel] = Math.max(features[channel], values[p]); // not negative
      features[nOut + channel] += (values[p] * nOut) / values.length;
    }
    return features;
  }

  function softmax(logits) {
    const most = Math.max(...logits);
    const sizes = logits.map((logit) => Math.exp(logit - most));
    const sum = sizes.reduce((a, b) => a + b);
    return sizes.map((size) => size / sum);
  }

  class Network {
    constructor({ mean, std, sureFrom, layers, head }) {
      Object.assign(this, { mean, std, sureFrom });
      this.layers = layers.map(decoded);
      this.head = decoded(head);
    }

    // The probabilities of the ten digits for an image of 28x28 gray values.
    predict(image) {
      const values = Float32Array.from(image, (pixel) => (pixel - this.mean) / this.std);
      let maps = { height: SIDE, width: SIDE, values };
      for (const layer of this.layers) {
        maps = convolve(maps, layer);
        if (layer.pooled) maps = pool(maps, layer.scale.length);
        normalize(maps, layer);
      }
      const features = embed(maps, this.layers.at(-1).scale.length);
      const { kernel, bias } = this.head; // a row of the kernel is a digit
      const n = features.length;
      return softmax(bias.map((logit, digit) => features.reduce(
        (sum, feature, i) => sum + feature * kernel[digit * n + i], logit)));
    }
  }

  // How much the probability of the answer drops where a window covers the image: for
  // each pixel, the mean over the windows that cover it. Yields after each window.
  function* occlude(network, image) {
    const probabilities = network.predict(image);
    const answer = probabilities.indexOf(Math.max(...probabilities));
    const drops = new Float64Array(SIDE * SIDE);
    const counts = new Float64Array(SIDE * SIDE);
    for (let top = 0; top + WINDOW <= SIDE; top += STRIDE) {
      for (let left = 0; left + WINDOW <= SIDE; left += STRIDE) {
        const covered = Uint8Array.from(image);
        for (let row = top; row < top + WINDOW; row++) {
          covered.fill(0, row * SIDE + left, row * SIDE + left + WINDOW);
        }
        const changed = covered.some((pixel, p) => pixel !== image[p]);
        const drop = changed ? probabilities[answer] - network.predict(covered)[answer] : 0;
        for (let row = top; row < top + WINDOW; row++) {
          for (let p = row * SIDE + left; p < row * SIDE + left + WINDOW; p++) {
            drops[p] += drop;
            counts[p]++;
          }
        }
        if (changed) yield;
      }
    }
    return drops.map((drop, p) => drop / Math.max(counts[p], 1));
  }

  globalThis.digitPad = { ...globalThis.digitPad, Network, occlude };
})();

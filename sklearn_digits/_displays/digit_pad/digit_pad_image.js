// From a drawing to an image as MNIST's are: sklearn_digits.to_digit_image, step by step.
"use strict";

(() => {
  const SIDE = 28;
  const BOX = 20; // pixels of the image's side, which the digit fills
  const THINNEST_STROKE = 2; // pixels of the image
  const SAMPLED_SIDE = 64; // of which the paper's brightness is learned
  const SMALLEST_BLOT = 0.03; // of the largest one; smaller ones are dust
  const LEAST_CONTRAST = 6;
  const LEAST_SHARE = 0.02;
  const RAREST = 2000;
  const MEDIAN_NORMAL = 0.6745;

  const make = (height, width) => ({ height, width, values: new Float64Array(height * width) });

  const largest = (values) => values.reduce((most, value) => Math.max(most, value));

  // Moves the value of rank k, from 0, to place k: smaller ones before, larger ones after.
  function select(values, k) {
    let [left, right] = [0, values.length - 1];
    while (left < right) {
      const pivot = values[(left + right) >> 1];
      let [i, j] = [left, right];
      while (i <= j) {
        while (values[i] < pivot) i++;
        while (values[j] > pivot) j--;
        if (i > j) break;
        const value = values[i];
        values[i++] = values[j];
        values[j--] = value;
      }
      if (k <= j) right = j;
      else if (k >= i) left = i;
      else break;
    }
    return values[k];
  }

  // Changes the order of values.
  function median(values) {
    const half = values.length >> 1;
    const upper = select(values, half);
    return values.length % 2 ? upper : (largest(values.subarray(0, half)) + upper) / 2;
  }

  // A coordinate of each pixel along an axis, from -1 to 1.
  const coordinates = (side) =>
    Float64Array.from({ length: side }, (_, i) => -1 + (2 * i) / (side - 1));

  const surface = (c, x, y) =>
    c[0] + c[1] * x + c[2] * y + c[3] * x * x + c[4] * x * y + c[5] * y * y;

  // Solves six linear equations; `rows` are the matrix and the right side.
  function solve(rows) {
    const n = rows.length;
    for (let i = 0; i < n; i++) {
      let pivot = i;
      for (let j = i; j < n; j++) {
        if (Math.abs(rows[j][i]) > Math.abs(rows[pivot][i])) pivot = j;
      }
      [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        const factor = rows[j][i] / rows[i][i];
        for (let k = i; k <= n; k++) rows[j][k] -= factor * rows[i][k];
      }
    }
    return rows.map((row, i) => row[n] / row[i]);
  }

  // The surface that fits values at places x and y best, by weighted least squares.
  function fit({ x, y, values }, weights) {
    const rows = Array.from({ length: 6 }, () => new Float64Array(7));
    for (let p = 0; p < values.length; p++) {
      if (!weights[p]) continue;
      const terms = [1, x[p], y[p], x[p] * x[p], x[p] * y[p], y[p] * y[p], values[p]];
      for (let i = 0; i < 6; i++) {
        const weighted = weights[p] * terms[i];
        for (let j = 0; j < 7; j++) rows[i][j] += weighted * terms[j];
      }
    }
    const coefficients = solve(rows);
    const fitted = (p) => surface(coefficients, x[p], y[p]);
    const deviations = values.map((value, p) => Math.abs(value - fitted(p)));
    return { coefficients, deviations, most: largest(deviations) };
  }

  // Whether a pixel is in the outer twentieth of an image.
  function isBorder(row, column, height, width) {
    const tall = Math.max(1, Math.floor(height / 20));
    const wide = Math.max(1, Math.floor(width / 20));
    return row < tall || row >= height - tall || column < wide || column >= width - wide;
  }

  // Some of the pixels, which settle six coefficients, and which of them are border.
  function sampled(gray, x, y) {
    const step = Math.ceil(Math.max(gray.height, gray.width) / SAMPLED_SIDE);
    const [height, width] = [gray.height, gray.width].map((side) => Math.ceil(side / step));
    const sample = { x: [], y: [], values: [] };
    const border = [];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        sample.x.push(x[column * step]);
        sample.y.push(y[row * step]);
        sample.values.push(gray.values[row * step * gray.width + column * step]);
        border.push(Number(isBorder(row, column, height, width)));
      }
    }
    return { sample, border };
  }

  // Takes from each pixel the brightness of the paper, a quadratic surface.
  function withoutGround(gray) {
    const [x, y] = [coordinates(gray.width), coordinates(gray.height)];
    const { sample, border } = sampled(gray, x, y);
    let found;
    let weights = border;
    // Least absolute deviations of the border, then least squares of all that is paper.
    for (let round = 0; round < 10; round++) {
      found = fit(sample, weights);
      const { deviations, most } = found;
      weights = border.map((value, p) => value / Math.max(deviations[p], 1e-3 * most + 1e-12));
    }
    for (let round = 0; round < 3; round++) {
      const { deviations, most } = found;
      found = fit(sample, deviations.map((value) => Number(value <= most / 4)));
    }
    const difference = make(gray.height, gray.width);
    for (let row = 0, p = 0; row < gray.height; row++) {
      for (let column = 0; column < gray.width; column++, p++) {
        difference.values[p] = gray.values[p] - surface(found.coefficients, x[column], y[row]);
      }
    }
    return difference;
  }

  // Numbers the blots of ink, whose pixels touch at sides or corners; 0 is paper.
  function labelBlots({ height, width, values }, threshold) {
    const labels = new Int32Array(values.length);
    const areas = [0];
    for (let start = 0; start < values.length; start++) {
      if (labels[start] || values[start] <= threshold) continue;
      const label = areas.push(0) - 1;
      const stack = [start];
      labels[start] = label;
      while (stack.length) {
        const p = stack.pop();
        areas[label]++;
        forNeighbors(p, height, width, (q) => {
          if (labels[q] || values[q] <= threshold) return;
          labels[q] = label;
          stack.push(q);
        });
      }
    }
    return { labels, areas };
  }

  function forNeighbors(p, height, width, visit) {
    const row = Math.floor(p / width);
    const column = p % width;
    for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
      for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
        visit(y * width + x);
      }
    }
  }

  // How much ink each pixel holds, from 0 to 1, without dust; null if there is none.
  function findInk(gray) {
    const difference = withoutGround(gray);
    const { height, width, values } = difference;
    const sign = Math.sign(values.reduce((sum, value) => sum + value * value * value, 0));
    values.forEach((value, p) => { values[p] = value * sign; });
    const rare = Math.max(1, Math.floor(values.length / RAREST));
    const peak = select(values.slice(), values.length - rare);
    const brightest = largest(gray.values.map(Math.abs));
    const least = Math.max(peak / 3, 1e-9 * brightest);
    const inked = values.filter((value) => value > least);
    if (!inked.length || inked.length === values.length) return null;
    const full = median(inked);
    const noise = median(values.filter((value) => !(value > least)).map(Math.abs)) / MEDIAN_NORMAL;
    if (full <= Math.max(LEAST_CONTRAST * noise, LEAST_SHARE * brightest)) return null;
    const { labels, areas } = labelBlots(difference, full / 2);
    const leastArea = SMALLEST_BLOT * largest(areas);
    const ink = make(height, width);
    labels.forEach((label, p) => {
      if (!label || areas[label] < leastArea) return;
      forNeighbors(p, height, width, (q) => {
        ink.values[q] = Math.min(Math.max(values[q] / full, 0), 1);
      });
    });
    return ink;
  }

  function pad({ height, width, values }, margin) {
    const padded = make(height + 2 * margin, width + 2 * margin);
    for (let row = 0; row < height; row++) {
      const start = (row + margin) * padded.width + margin;
      padded.values.set(values.subarray(row * width, (row + 1) * width), start);
    }
    return padded;
  }

  // The smallest part of an image that holds all strokes.
  function crop({ height, width, values }) {
    let [top, left, bottom, right] = [height, width, -1, -1];
    values.forEach((value, p) => {
      if (value <= 0.5) return;
      const row = Math.floor(p / width);
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
      [left, right] = [Math.min(left, p % width), Math.max(right, p % width)];
    });
    const part = make(bottom - top + 1, right - left + 1);
    for (let row = 0; row < part.height; row++) {
      const start = (row + top) * width + left;
      part.values.set(values.subarray(start, start + part.width), row * part.width);
    }
    return part;
  }

  // Squared distances along a line, given those across it: the lower envelope of the
  // parabolas over its pixels (Felzenszwalb, Huttenlocher, Theory of Computing 8, 2012).
  function spread(line, result, places, borders) {
    const meet = (p, q) => (line[q] + q * q - line[p] - p * p) / (2 * (q - p));
    let n = 0; // parabolas of the envelope: where they stand, and where each begins
    for (let q = 0; q < line.length; q++) {
      if (line[q] === Infinity) continue;
      while (n && meet(places[n - 1], q) <= borders[n - 1]) n--;
      borders[n] = n ? meet(places[n - 1], q) : -Infinity;
      places[n++] = q;
    }
    for (let q = 0, k = 0; q < line.length; q++) {
      while (k + 1 < n && borders[k + 1] < q) k++;
      result[q] = n ? (q - places[k]) ** 2 + line[places[k]] : Infinity;
    }
  }

  // Distance of each pixel to the nearest one for which `isGoal` holds.
  function distances({ height, width, values }, isGoal) {
    const square = values.map((value) => (isGoal(value) ? 0 : Infinity));
    const columns = [width, height, width, 1]; // how many, how long, steps along and across
    const rows = [height, width, 1, width];
    for (const [n, length, along, across] of [columns, rows]) {
      const [line, result, places, borders] = [1, 2, 3, 4].map(() => new Float64Array(length));
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < length; j++) line[j] = square[i * across + j * along];
        spread(line, result, places, borders);
        for (let j = 0; j < length; j++) square[i * across + j * along] = result[j];
      }
    }
    return square.map(Math.sqrt);
  }

  // Ink whose strokes are `thickness` pixels wide on average, or wider.
  function thicken(ink, thickness) {
    const edged = pad(crop(ink), 1);
    const depths = distances(edged, (value) => value <= 0.5).filter((depth) => depth > 0);
    const mean = depths.reduce((sum, depth) => sum + depth, 0) / depths.length;
    const growth = (thickness - (4 * mean - 2)) / 2;
    if (growth <= 0) return ink;
    const thick = pad(ink, Math.floor(growth) + 2);
    distances(thick, (value) => value > 0.5).forEach((distance, p) => {
      const grown = Math.min(Math.max(growth + 1 - distance, 0), 1);
      thick.values[p] = Math.max(thick.values[p], grown);
    });
    return thick;
  }

  // The weights that scale and shift pixels along an axis: SIDE rows of `n`.
  function resampling(n, scale, mass) {
    const latest = Math.max(SIDE - 0.5 - n * scale, -0.5);
    const start = Math.min(Math.max(SIDE / 2 - (mass + 0.5) * scale, -0.5), latest);
    const reach = Math.max(1, 1 / scale);
    return Array.from({ length: SIDE }, (_, i) => {
      const place = (i - start) / scale - 0.5;
      return Float64Array.from({ length: n }, (_, pixel) => {
        const first = Math.max(place - reach / 2, pixel - 0.5);
        const last = Math.min(place + reach / 2, pixel + 0.5);
        return Math.max(last - first, 0) / reach;
      });
    });
  }

  // Halves are rounded to even numbers, as NumPy does.
  function round(value) {
    const rounded = Math.round(value);
    return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  }

  // A cropped digit scaled, its center of mass in the middle.
  function layInTheMiddle({ height, width, values }, scale) {
    let [mass, rowMass, columnMass] = [0, 0, 0];
    values.forEach((value, p) => {
      mass += value;
      rowMass += value * Math.floor(p / width);
      columnMass += value * (p % width);
    });
    const columns = resampling(width, scale, columnMass / mass);
    const image = new Float64Array(SIDE * SIDE);
    resampling(height, scale, rowMass / mass).forEach((weights, i) => {
      const line = new Float64Array(width);
      weights.forEach((weight, row) => {
        if (!weight) return;
        for (let x = 0; x < width; x++) line[x] += weight * values[row * width + x];
      });
      columns.forEach((column, j) => {
        image[i * SIDE + j] = column.reduce((sum, weight, x) => sum + weight * line[x], 0);
      });
    });
    const most = largest(image);
    return Uint8Array.from(image, (value) => round(value * (255 / most)));
  }

  // Returns 28x28 bytes, or null if nothing stands out from the paper. `values` are gray
  // values, row after row, of an image with sides of at most 400 pixels.
  function toDigitImage(values, height, width) {
    const ink = findInk({ height, width, values: Float64Array.from(values) });
    if (!ink) return null;
    const { height: tall, width: wide } = crop(ink);
    const scale = Math.min(BOX / tall, BOX / wide);
    const digit = crop(thicken(ink, THINNEST_STROKE / scale));
    return layInTheMiddle(digit, Math.min(BOX / digit.height, BOX / digit.width));
  }

  globalThis.digitPad = { ...globalThis.digitPad, toDigitImage };
})();

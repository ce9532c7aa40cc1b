// The faults of a page as it lies in the window now: a list of {kind, what, place}.
//
// broken: a line ends in the middle of a word. It may end at an element <wbr>, and after
//   anything but a letter or a digit: a hyphen, slash, dot, underscore or parenthesis, a
//   soft hyphen.
// cut: a box hides a part of its text, or makes its readers scroll to the side. Code may
//   be scrolled, and on a phone tables. The page itself never.
// faint: the contrast of a text to its ground is below WCAG's level AA.
// picture: it is missing, or drawn at over 1.5 times its size.
() => {
  const faults = [];
  const report = (kind, what, element) => {
    const text = what.trim().replace(/\s+/g, " ").slice(0, 60);
    faults.push({ kind, what: text, place: element.closest("[id]")?.id ?? "" });
  };
  const style = (element) => getComputedStyle(element);
  // The element around another one, also around the root of a shadow tree.
  const around = (element) => element.parentElement ?? element.getRootNode().host;
  const lineage = (element) => (element ? [element, ...lineage(around(element))] : []);
  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    // Text for screen readers alone has a box of a pixel.
    && !lineage(element).some((e) => e.clientWidth == 1 || e.clientHeight == 1);

  // The elements and the texts that can be seen.
  const elements = [];
  const gather = (root) => {
    for (const element of root.querySelectorAll("*:not(script, style, noscript, svg *)")) {
      elements.push(element);
      if (element.shadowRoot) gather(element.shadowRoot);
    }
  };
  gather(document.body);
  const rangeOf = (node, start, end) => {
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, end);
    return range;
  };
  const isText = (node) => node.nodeType == Node.TEXT_NODE && node.data.trim();
  const texts = elements.flatMap((element) => {
    const nodes = [...element.childNodes].filter(isText);
    const isSeen = nodes.length && isShown(element);
    return isSeen ? nodes.map((node) => ({ node, element })) : [];
  });

  // Broken words.
  const middle = (node, i) => {
    // A letter after a soft hyphen has two boxes, of which the first is the hyphen's.
    const box = [...rangeOf(node, i, i + 1).getClientRects()].at(-1);
    return box?.height ? box.top + box.height / 2 : null;
  };
  const placeOfBreak = (node, start, word) => {
    for (let i = 1, last = middle(node, start); i < word.length; i++) {
      const here = middle(node, start + i);
      const isLower = here !== null && last !== null && here > last + 4;
      if (isLower && /[\p{L}\p{N}]/u.test(word[i - 1])) return i;
      last = here ?? last;
    }
    return null;
  };
  for (const { node, element } of texts) {
    const boxes = rangeOf(node, 0, node.length).getClientRects();
    if (new Set([...boxes].map((box) => Math.round(box.top))).size < 2) continue;
    for (const { 0: word, index } of node.data.matchAll(/\S{2,}/g)) {
      if (middle(node, index) == middle(node, index + word.length - 1)) continue;
      const at = placeOfBreak(node, index, word);
      if (at) report("broken", `${word.slice(0, at)}|${word.slice(at)}`, element);
    }
  }

  // Cut texts.
  const isPhone = innerWidth < 600;
  const clips = (element) => style(element).overflowX != "visible";
  const mayScroll = (element) =>
    ["auto", "scroll"].includes(style(element).overflowX)
    && (element.matches("pre") || element.querySelector(":scope > pre")
      || (isPhone && element.querySelector("table")));
  for (const element of elements) {
    const isWider = element.scrollWidth > element.clientWidth + 1;
    const isHigher = element.scrollHeight > element.clientHeight + 4;
    if (!element.clientWidth || !(isWider || isHigher) || !element.innerText?.trim())
      continue;
    const { overflowX, overflowY } = style(element);
    const hides = isHigher && ["hidden", "clip"].includes(overflowY);
    const isCut = hides || (isWider && overflowX != "visible" && !mayScroll(element));
    if (isCut && isShown(element)) report("cut", element.innerText, element);
  }
  for (const { node, element } of texts) {
    const box = rangeOf(node, 0, node.length).getBoundingClientRect();
    const isOutside = box.right > innerWidth + 1 || (box.left < -1 && box.right > 0);
    if (isOutside && !lineage(element).slice(0, -2).some(clips))
      report("cut", node.data, element);
  }
  const width = document.scrollingElement.scrollWidth;
  if (width > innerWidth) report("cut", `the page is ${width} pixels wide`, document.body);

  // Faint texts. Colors are read as red, green, blue and opacity, however they are written.
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colors = new Map();
  const readColor = (text) => {
    if (!colors.has(text)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
      colors.set(text, [red, green, blue, alpha / 255]);
    }
    return colors.get(text);
  };
  const over = (top, ground, alpha) =>
    [0, 1, 2].map((i) => top[i] * alpha + ground[i] * (1 - alpha));
  // The color behind a text, or null where that is a picture.
  const grounds = new Map([[undefined, [255, 255, 255]]]);
  const groundOf = (element) => {
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage } = style(element);
      const color = readColor(backgroundColor);
      const behind = color[3] == 1 ? color : groundOf(around(element) ?? undefined);
      const isPlain = backgroundImage == "none" && behind;
      grounds.set(element, isPlain ? over(color, behind, color[3]) : null);
    }
    return grounds.get(element);
  };
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) =>
      part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  for (const { node, element } of texts) {
    const ground = groundOf(element);
    if (!ground) continue;
    const { color, fontSize, fontWeight } = style(element);
    const ink = readColor(color);
    const alpha = lineage(element).reduce((a, e) => a * style(e).opacity, ink[3]);
    const lights = [over(ink, ground, alpha), ground].map(luminance);
    const contrast = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    const size = parseFloat(fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && fontWeight >= 700);
    if (contrast < (isLarge ? 3 : 4.5))
      report("faint", `${contrast.toFixed(1)}:1 ${node.data}`, element);
  }

  // Pictures.
  for (const image of document.images) {
    const times = image.getBoundingClientRect().width / image.naturalWidth;
    const isDrawing = /\.svg$|^data:image.svg/.test(image.currentSrc);
    if (!image.naturalWidth) report("picture", `missing: ${image.src}`, image);
    else if (!isDrawing && times > 1.5 && isShown(image))
      report("picture", `${times.toFixed(1)} times its size: ${image.src}`, image);
  }
  return faults;
}

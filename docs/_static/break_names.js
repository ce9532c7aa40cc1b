// Where long names may break on a narrow page: after a dot, a slash, an underscore, an equals
// sign or a parenthesis, and between the words of ConvNetClassifier. Shorter ones stay whole.
document.addEventListener("DOMContentLoaded", () => {
  const LONG = /[\w.()=/:-]{20,}/;
  const PLACES = /(?<=[._=/]|\w\()(?=\w)|(?<=[a-z])(?=[A-Z])/;
  const names = document.querySelectorAll(
    ":is(h1, h2, h3, dt, .classifier, .page-toc a, .prev-next-title, .bd-links a), "
      + ".genindextable a, :not(pre) > code",
  );
  const withBreaks = (part, i) => (i ? [document.createElement("wbr"), part] : [part]);
  for (const name of names) {
    const walker = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes.filter(({ data }) => LONG.test(data)))
      node.replaceWith(...node.data.split(PLACES).flatMap(withBreaks));
  }
  for (const module of document.querySelectorAll(".sig-prename"))
    module.after(document.createElement("wbr"));
});

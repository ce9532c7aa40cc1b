// How the site's search orders what it finds. Sphinx writes this file into its own script.
// First pages whose title has the words, then those with a heading that has them, then
// names of the API, then text. Among equals, the guide comes first.
var Scorer = {
  title: 15, // in a title or a heading
  partialTitle: 7,
  objNameMatch: 12, // the name of a class, a function or a parameter
  objPartialMatch: 6, // a part of it
  objPrio: { 0: 0, 1: 0, 2: -5 },
  objPrioDefault: 0,
  term: 5, // in the text
  partialTerm: 2,

  score: ([page, title, , objectKind, score]) => {
    if (objectKind) return score;
    const folders = ["development/", "api/", "course/", "guide/"];
    const order = (folders.findIndex((folder) => page.startsWith(folder)) + 1) / 2;
    const stems = (text) =>
      splitQuery(text.toLowerCase()).map((word) => new Stemmer().stemWord(word));
    const query = new URLSearchParams(window.location.search).get("q") ?? "";
    const titleStems = stems(title);
    const inTitle = stems(query).every((word) => titleStems.includes(word));
    return score + order + (inTitle ? 10 : 0);
  },
};

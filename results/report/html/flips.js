// Flips of two runs: the counts, classes and images of the pair that the form names.
const flipsForm = document.getElementById("flips-form");
const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const unpack = text => new Response(new Blob([Uint8Array.from(atob(text), letter => letter.charCodeAt(0))]).stream()
  .pipeThrough(new DecompressionStream("gzip"))).json();
const thousands = number => number.toLocaleString("en");
const ROWS = 20;  // of the list that are shown at once

const makeTable = (caption, headings, rows) => {
  const cell = (name, content, column) =>
    make(name, {className: headings[column].number ? "number" : ""}, ...[content].flat());
  const head = make("tr", {}, ...headings.map((heading, column) => cell("th", heading.text, column)));
  const body = rows.map(row => make("tr", {}, ...row.map((content, column) => cell("td", content, column))));
  return make("table", {}, make("caption", {textContent: caption}), make("thead", {}, head), make("tbody", {}, ...body));
};
const makeWide = (label, table) => {
  const region = make("div", {className: "wide", tabIndex: 0}, table);
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", label);
  return region;
};

const findFlips = (data, a, b, protocol) => {
  const list = data.lists[protocol];
  if (!list) return null;
  const [i, j] = [a, b].map(run => list.runs.indexOf(run)), flips = [];
  list.images.forEach((image, k) => {
    const [classA, classB] = [list.classes[i][k], list.classes[j][k]];
    if ((classA >= 0) === (classB >= 0)) return;
    const sure = classA < 0 ? list.p[i][k] : list.p[j][k];
    flips.push({image, side: classA < 0 ? "b" : "a", sure, classes: [classA, classB], p: [list.p[i][k], list.p[j][k]]});
  });
  return flips.sort((one, other) => other.sure - one.sure);  // the surest mistakes first
};

const classTable = (data, flips) => {
  const counts = new Map();
  for (const {image, side} of flips) {
    const label = data.labels[image];
    counts.set(label, counts.get(label) ?? {a: 0, b: 0});
    counts.get(label)[side] += 1;
  }
  const most = [...counts].sort(([, one], [, other]) => other.a + other.b - one.a - one.b).slice(0, 10);
  const headings = [{text: "class"}, ...["images", "only A right", "only B right"].map(text => ({text, number: true}))];
  return makeTable(
    counts.size > 10 ? `The 10 of ${thousands(counts.size)} classes with most flips` : "Classes with flips", headings,
    most.map(([label, {a, b}]) => [data.names[label], thousands(data.sizes[label]), thousands(a), thousands(b)]),
  );
};

const flipRow = (data, titles, flip) => {
  const address = data.pictures[flip.image];
  const prediction = side => {
    const right = flip.classes[side] >= 0, name = data.names[right ? flip.classes[side] : -1 - flip.classes[side]];
    const words = `${right ? "right" : "wrong"}, ${(flip.p[side] / 10).toFixed(1)} %`;
    return [make(right ? "b" : "span", {textContent: name}), make("small", {className: "soft", textContent: words})];
  };
  const picture = address ? make("img", {src: address, alt: "", loading: "lazy"}) : make("span", {className: "soft", textContent: "-"});
  const image = make("small", {className: "soft", textContent: data.images[flip.image]});
  return [picture, [data.names[data.labels[flip.image]], image], prediction(0), prediction(1)];
};

const listFlips = (data, titles, flips, shown) => {
  const parts = [], pictures = flips.filter(({image}) => data.pictures[image]).length;
  const headings = ["picture", "label and image", ...titles.map((title, side) => `${"AB"[side]}: ${title}`)];
  if (flips.length) {
    const caption = shown < flips.length ? `The first ${thousands(shown)} of ${thousands(flips.length)} images` : `${thousands(flips.length)} images`;
    const rows = flips.slice(0, shown).map(flip => flipRow(data, titles, flip));
    const table = makeTable(`${caption}, the surest mistakes first`, headings.map(text => ({text})), rows);
    table.id = "flips-images";
    parts.push(makeWide("Flipped images", table));
  }
  if (shown < flips.length) {
    const more = make("button", {type: "button", textContent: `Show ${thousands(Math.min(ROWS, flips.length - shown))} more`});
    more.addEventListener("click", () => {
      listFlips(data, titles, flips, shown + ROWS);
      document.querySelector("#flips-list button")?.focus();
    });
    parts.push(more);
  }
  if (pictures < flips.length) {
    const words = `Without a picture here: ${thousands(flips.length - pictures)} of ${thousands(flips.length)} images.`;
    parts.push(make("p", {className: "soft", textContent: words}));
  }
  document.getElementById("flips-list").replaceChildren(...parts);
};

const showFlips = data => {
  const {a: inputA, b: inputB, protocol: inputProtocol, side: inputSide} = flipsForm.elements;
  const [a, b] = [Number(inputA.value), Number(inputB.value)], swapped = a > b, found = document.getElementById("flips-found");
  const [low, high] = swapped ? [b, a] : [a, b], pairs = data.pairs.filter(pair => pair[0] === low && pair[1] === high);
  const names = pairs.map(pair => pair[2]), before = inputProtocol.value;
  inputProtocol.replaceChildren(...names.map(name => make("option", {textContent: name})));
  inputProtocol.value = names.includes(before) ? before : names.at(-1) ?? "";
  inputProtocol.disabled = !names.length;
  document.getElementById("flips-list").replaceChildren();
  flipsForm.querySelector("output").textContent = "";
  if (!names.length) {
    const refused = data.refused.find(line => line[0] === low && line[1] === high);
    const reason = a === b ? "Pick two different runs." : refused ? refused[2] : "These two have no protocol in common.";
    found.replaceChildren(make("p", {textContent: reason}));
    return;
  }
  const [, , protocol, n, both, lowRight, highRight, neither, p] = pairs[names.indexOf(inputProtocol.value)];
  const [onlyA, onlyB] = swapped ? [highRight, lowRight] : [lowRight, highRight];
  flipsForm.querySelector("output").textContent = `${thousands(onlyA + onlyB)} of ${thousands(n)} images flip; exact McNemar p = ${p}`;
  const counts = makeTable(
    "How many images",
    [{text: "runs"}, {text: "B is right", number: true}, {text: "B is wrong", number: true}],
    [["A is right", thousands(both), thousands(onlyA)], ["A is wrong", thousands(onlyB), thousands(neither)]],
  );
  counts.id = "flips-counts";
  found.replaceChildren(counts);
  const flips = findFlips(data, a, b, protocol);
  if (!flips) {
    const words = "The images of this protocol would make the page too large: inception-bench compare lists them.";
    found.append(make("p", {className: "soft", textContent: words}));
    return;
  }
  const titles = [inputA, inputB].map(input => input.selectedOptions[0].textContent);
  const listed = flips.filter(flip => !inputSide.value || flip.side === inputSide.value);
  if (flips.length) found.append(makeWide("Classes with most flips", classTable(data, flips)));
  listFlips(data, titles, listed, ROWS);
};

if (flipsForm) unpack(document.getElementById("flips-data").textContent).then(data => {
  flipsForm.hidden = false;
  flipsForm.addEventListener("input", () => showFlips(data));
  showFlips(data);
}).catch(error => document.getElementById("flips-found").append(make("p", {textContent: `This browser cannot list the images: ${error.message}`})));

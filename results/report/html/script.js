for (const place of document.querySelectorAll(".chart")) {
  const specification = JSON.parse(place.nextElementSibling.textContent);
  vegaEmbed(place, specification, { actions: false, ast: true, renderer: "svg" });  // ast: without eval
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(part => { part.open = true; }));

const table = document.getElementById("by-class"), heads = [...table.tHead.rows[0].cells];
heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
  const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent, body = table.tBodies[0];
  const sorted = head.getAttribute("aria-sort");
  const order = sorted ? (sorted === "ascending" ? "descending" : "ascending") : column ? "descending" : "ascending";
  const compare = (a, b) => column ? value(a) - value(b) : value(a).localeCompare(value(b));
  body.append(...[...body.rows].sort((a, b) => order === "ascending" ? compare(a, b) : compare(b, a)));
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
}));

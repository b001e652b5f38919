// Tables of the class `sortable`: a heading's button sorts by its column, and once more the other way round.
const valueOf = (row, column) => {
  const data = row.cells[column].dataset, kind = row.closest("table").dataset.kind || "top1";
  const text = data[kind] ?? data.value ?? row.cells[column].textContent.trim();
  return text === "" || text === "-" ? null : isNaN(text) ? text : Number(text);
};
const compareValues = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
const sortTable = (table, head, order) => {
  const column = head.dataset.column ?? head.cellIndex, sign = order === "ascending" ? 1 : -1;
  const keyed = [...table.tBodies[0].rows].map(row => [valueOf(row, column), row]);
  keyed.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : sign * compareValues(a, b)));  // what is missing is last
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  table.tHead.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
};
document.querySelectorAll("table.sortable").forEach(table => table.tHead.addEventListener("click", event => {
  const button = event.target.closest("button"), head = button?.closest("th");
  if (!head) return;
  const first = head.dataset.first ?? "ascending", other = first === "ascending" ? "descending" : "ascending";
  sortTable(table, head, head.getAttribute("aria-sort") === first ? other : first);
}));

// Forms of the class `controls` choose the rows and columns of the tables of errors.
document.querySelectorAll("form.controls").forEach(form => {
  const choose = () => {
    const wanted = new FormData(form), words = (wanted.get("text") ?? "").toLowerCase().split(/\s+/);
    let shown = 0, all = 0;
    document.querySelectorAll("table.errors").forEach(table => {
      table.dataset.images = wanted.get("images") ?? "";
      table.dataset.kind = wanted.get("kind") ?? "";
      table.classList.toggle("brief", Boolean(form.elements.notes) && !wanted.get("notes"));
      for (const row of table.tBodies[0].rows) {
        const name = row.cells[0].textContent.toLowerCase();
        row.hidden = !words.every(word => name.includes(word));
        shown += !row.hidden;
        all += 1;
      }
      const sorted = table.tHead.querySelector("[aria-sort]");
      if (sorted) sortTable(table, sorted, sorted.getAttribute("aria-sort"));
    });
    form.querySelector("output").textContent = shown === all ? "" : `${shown} of ${all} rows`;
  };
  form.addEventListener("input", choose);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  choose();  // a browser that goes back keeps what was typed
});

"use strict";
// Filters servers as one types, and fetches the numbers again without losing what was typed, chosen or scrolled to.
(() => {
  const text = document.getElementById("filter"), state = document.getElementById("state"), shown = document.getElementById("shown");
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0, all = 0;
    for (const section of document.querySelectorAll(".proxy")) {
      const rows = section.querySelectorAll("tbody tr");
      const own = section.dataset.text;
      let found = 0;
      for (const row of rows) {
        const fits = words.every((word) => row.dataset.text.includes(word)) &&
          (state.value === "" || row.dataset.state === state.value);
        row.hidden = !fits;
        found += fits;
      }
      const isAlone = rows.length === 0 && state.value === "" && words.every((word) => own.includes(word));
      section.hidden = found === 0 && !isAlone;
      count += found;
      all += rows.length;
    }
    shown.textContent = words.length || state.value ? `${count} of ${all} servers` : "";
  };
  text.addEventListener("input", apply);
  state.addEventListener("change", apply);
  const seconds = Number(document.body.dataset.refresh);
  const refresh = async () => {
    const main = document.querySelector("main");
    const busy = document.hidden || main.contains(document.activeElement) || main.querySelector("input:checked");
    if (!busy) {
      try {
        const answer = await fetch(document.body.dataset.self, { credentials: "same-origin" });
        if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          main.replaceWith(fresh.querySelector("main"));
          document.querySelector(".tiles").replaceWith(fresh.querySelector(".tiles"));
          apply();
        }
      } catch {
        shown.textContent = "no answer";
      }
    }
    setTimeout(refresh, seconds * 1000);
  };
  if (seconds > 0) setTimeout(refresh, seconds * 1000);
})();

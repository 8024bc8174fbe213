"use strict";
// The page is whole without this: sorting, classes' curves, values under the pointer, enlarging.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const read = (id) => { const e = $(id); return e ? JSON.parse(e.textContent) : null; };
  const fixed = (v) => v < 0 ? "\u2013" : v.toFixed(3);

  // Light and dark
  const theme = $("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // A note that follows the pointer
  const tip = $("tip");
  const show = (event, text) => {
    tip.textContent = text;
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
    tip.style.left = Math.max(8, x) + "px";
    tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12) + "px";
  };
  const hide = () => { tip.hidden = true; };

  // Sortable table
  const table = $("class-table");
  if (table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const key = (row, i) => i === 0 ? row.cells[0].textContent : +row.cells[i].dataset.v;
    heads.forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const up = was ? was === "descending" : i === 0; // numbers: the largest first
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].sort((a, b) => {
          const x = key(a, i), y = key(b, i);
          if (i === 0) return up ? x.localeCompare(y) : y.localeCompare(x);
          if ((x < 0) !== (y < 0) && i > 2) return x < 0 ? 1 : -1; // undefined ones last
          return up ? x - y : y - x;
        });
        body.append(...rows);
      });
    });
    const find = $("class-find");
    if (find) {
      find.parentElement.hidden = false;
      find.addEventListener("input", () => {
        const text = find.value.trim().toLowerCase();
        for (const row of body.rows)
          row.hidden = !row.cells[0].textContent.toLowerCase().includes(text);
      });
    }
  }

  // Curves of single classes
  const pr = $("pr"), f1 = $("f1");
  const prLines = [...pr.querySelectorAll(".line")], f1Lines = [...f1.querySelectorAll(".line")];
  const pick = $("class-pick"), classes = read("class-data");
  if (pick && classes.length) {
    const values = [...pr.parentElement.querySelectorAll(".legend b")];
    const best = $("best"), text = $("best-text"), numbers = [...text.querySelectorAll("b")];
    const whos = [...document.querySelectorAll(".who")];
    const all = {
      pr: prLines.map((l) => l.getAttribute("d")), f1: f1Lines.map((l) => l.getAttribute("d")),
      labels: values.map((v) => v.textContent), numbers: numbers.map((v) => v.textContent),
      at: best && best.getAttribute("transform"), cy: best && best.querySelector("circle").getAttribute("cy"),
    };
    pick.parentElement.hidden = false;
    pick.addEventListener("change", () => {
      const one = pick.value === "0" ? null : classes[pick.value - 1];
      prLines.forEach((l, i) => l.setAttribute("d", (one || all).pr[i]));
      f1Lines.forEach((l, i) => l.setAttribute("d", (one || all).f1[i]));
      values.forEach((v, i) => { v.textContent = one ? fixed(one.ap[i]) : all.labels[i]; });
      text.hidden = !(one || all).numbers; // a class without detections
      if (!text.hidden) numbers.forEach((v, i) => { v.textContent = (one || all).numbers[i]; });
      whos.forEach((w) => { w.textContent = one ? "Class: " + one.name + "." : w.dataset.all; });
      if (!best) return;
      const at = one ? one.best : null;
      best.style.display = one && !at ? "none" : "";
      best.setAttribute("transform", at ? `translate(${at[0]} 0)` : all.at);
      best.querySelector("circle").setAttribute("cy", at ? at[1] : all.cy);
    });
  }

  // Values under the pointer. The frame is that of eval/report/plot.h.
  const [left, right, top, bottom] = [110, 1176, 24, 690];
  const points = (line) => {
    const n = (line.getAttribute("d").match(/\d+/g) || []).map(Number);
    return n.reduce((p, v, i) => { if (i % 2) p.push([n[i - 1], v]); return p; }, []);
  };
  const valueAt = (line, x) => {
    const p = points(line);
    if (!p.length) return null;
    p.sort((a, b) => a[0] - b[0]);
    let i = p.findIndex((q) => q[0] >= x);
    if (i < 0) return null;
    if (i > 0 && p[i][0] !== x) {
      const [a, b] = [p[i - 1], p[i]], t = (x - a[0]) / (b[0] - a[0]);
      return (bottom - (a[1] + t * (b[1] - a[1]))) / (bottom - top);
    }
    return (bottom - p[i][1]) / (bottom - top);
  };
  const follow = (plot, lines, name) => {
    const guide = plot.querySelector(".grid").cloneNode();
    guide.setAttribute("class", "guide");
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const x = (event.clientX - box.left) * 1200 / box.width;
      if (x < left || x > right) { hide(); guide.remove(); return; }
      guide.setAttribute("d", `M${x} ${top}V${bottom}`);
      plot.append(guide);
      const at = +plot.dataset.low + (x - left) / (right - left) * (plot.dataset.high - plot.dataset.low);
      const rows = lines.map((l) => [l.dataset.name, valueAt(l, x)]).filter((r) => r[1] !== null);
      show(event, [`${name} ${at.toFixed(3)}`, ...rows.map((r) => `${r[0]}: ${r[1].toFixed(3)}`)].join("\n"));
    });
    plot.addEventListener("pointerleave", () => { hide(); guide.remove(); });
  };
  follow(pr, prLines, "recall");
  follow(f1, f1Lines, "score");
  [...pr.parentElement.querySelectorAll(".legend li")].forEach((item, i) => {
    item.addEventListener("pointerenter", () => prLines.forEach((l, j) => l.classList.toggle("dim", i !== j)));
    item.addEventListener("pointerleave", () => prLines.forEach((l) => l.classList.remove("dim")));
  });

  // Confusion matrix
  const matrix = $("matrix"), cross = $("cross"), data = read("matrix-data");
  if (matrix) {
    const { cell, left: x0, top: y0, side } = Object.fromEntries(
      Object.entries(cross.dataset).map(([k, v]) => [k, +v]));
    matrix.addEventListener("pointermove", (event) => {
      const box = matrix.getBoundingClientRect(), scale = matrix.viewBox.baseVal.width / box.width;
      const c = Math.floor(((event.clientX - box.left) * scale - x0) / cell);
      const r = Math.floor(((event.clientY - box.top) * scale - y0) / cell);
      if (c < 0 || r < 0 || c >= data.names.length || r >= data.names.length) {
        cross.setAttribute("d", "");
        return hide();
      }
      const y = y0 + r * cell, x = x0 + c * cell;
      cross.setAttribute("d", `M${x0} ${y}h${side}v${cell}h${-side}zM${x} ${y0}v${side}h${cell}v${-side}z`);
      const hit = event.target.dataset ? event.target.dataset.n : null;
      const n = hit ? +hit : +(matrix.querySelector(`rect[data-r="${r}"][data-c="${c}"]`)?.dataset.n || 0);
      const share = data.sums[r] ? ` (${(100 * n / data.sums[r]).toFixed(1)} %)` : "";
      show(event, `truth: ${data.names[r]}\npredicted: ${data.names[c]}\n${n} of ${data.sums[r]}${share}`);
    });
    matrix.addEventListener("pointerleave", () => { cross.setAttribute("d", ""); hide(); });
  }

  // Enlarged images
  document.querySelectorAll(".zoom").forEach((button) => button.addEventListener("click", () => {
    const dialog = document.createElement("dialog");
    dialog.append(button.closest(".pair").cloneNode(true));
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }));
})();

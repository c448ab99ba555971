"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

/** A value as the page's own text shows it. */
function shown(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return size >= 0.001 || size === 0 ? value.toFixed(3) : value.toExponential(1);
}

/** 3725 as 1:02:05. */
function clock(seconds) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60];
  return h >= 1 ? `${Math.floor(h)}:${two(m)}:${two(s)}` : `${Math.floor(m)}:${two(s)}`;
}

/** The index of the number in the ascending list that is nearest. */
function nearest(list, wanted) {
  let [low, high] = [0, list.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= wanted) low = middle; else high = middle;
  }
  return Math.abs(list[high] - wanted) < Math.abs(list[low] - wanted) ? high : low;
}

/** Lets pointer and arrow keys move along the curves of a chart; gives a function that marks a step. */
function follow(chart) {
  const figure = document.getElementById(chart.id);
  const plot = figure.querySelector(".plot");
  const [at, cursor] = [figure.querySelector(".at"), figure.querySelector(".cursor")];
  const dots = [...figure.querySelectorAll(".dot")];
  const values = [...figure.querySelectorAll(".key b")];
  const where = figure.querySelector(".where");
  const last = chart.steps.length - 1;
  const height = plot.height.baseVal.value;
  let index = last;

  const across = (step) => `${100 * (step - chart.x[0]) / (chart.x[1] - chart.x[0])}%`;
  const up = (value) => height * (1 - (value - chart.y[0]) / (chart.y[1] - chart.y[0]));
  const place = (line, step) => { line.setAttribute("x1", across(step)); line.setAttribute("x2", across(step)); };

  function show(to, pointed) {
    index = Math.max(0, Math.min(last, to));
    const step = chart.steps[index];
    place(cursor, step);
    cursor.classList.toggle("shown", pointed);
    chart.series.forEach((series, i) => {
      const value = series[index];
      values[i].textContent = shown(value);
      dots[i].classList.toggle("shown", pointed && value !== null);
      if (value === null) return;
      dots[i].setAttribute("cx", across(step));
      dots[i].setAttribute("cy", up(value));
    });
    const seconds = chart.seconds[index];
    where.textContent = Number.isFinite(seconds) ? `step ${step} after ${clock(seconds)}` : `step ${step}`;
  }

  const point = (event) => {
    const box = plot.getBoundingClientRect();
    const [low, high] = chart.x;
    show(nearest(chart.steps, low + (high - low) * (event.clientX - box.left) / box.width), true);
  };
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", () => show(last, false));
  figure.addEventListener("focus", () => where.parentNode.setAttribute("aria-live", "polite"));
  figure.addEventListener("blur", () => { where.parentNode.removeAttribute("aria-live"); show(last, false); });
  figure.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: index - far, ArrowRight: index + far, Home: 0, End: last }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    show(to, true);
  });
  return (step) => {
    const inside = step >= chart.x[0] && step <= chart.x[1];
    if (inside) place(at, step);
    at.classList.toggle("shown", inside);
  };
}

const marks = data.charts.map(follow);

/** Lets the slider, the button and the arrow keys move through the sample grids. */
function scrub(grids) {
  const image = document.getElementById("grid");
  const [range, play] = [document.getElementById("range"), document.getElementById("play")];
  const caption = document.getElementById("grid-step");
  // The page itself shows the last one.
  const sources = grids.map(({ png }) => png === null ? image.src : `data:image/png;base64,${png}`);
  let timer = null;

  function show(index) {
    const { step } = grids[index];
    range.value = index;
    range.setAttribute("aria-valuetext", `step ${step}`);
    image.src = sources[index];
    image.alt = `${data.gridAlt} after step ${step}`;
    caption.textContent = `step ${step}`;
    marks.forEach((mark) => mark(step));
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  function start() {
    if (Number(range.value) === grids.length - 1) show(0);
    play.textContent = "Pause";
    // The whole run in six seconds, but no grid shorter than a twentieth of a second or longer than a third.
    timer = setInterval(() => {
      const next = Number(range.value) + 1;
      show(Math.min(next, grids.length - 1));
      if (next >= grids.length - 1) stop();
    }, Math.min(333, Math.max(50, 6000 / grids.length)));
  }

  range.addEventListener("input", () => { stop(); show(Number(range.value)); });
  play.addEventListener("click", () => timer === null ? start() : stop());
  document.addEventListener("keydown", (event) => {
    const away = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (away === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // The slider has arrow keys of its own, and the configuration scrolls with them.
    if (event.target === range || event.target.closest("pre")) return;
    event.preventDefault();
    stop();
    show(Math.max(0, Math.min(grids.length - 1, Number(range.value) + away)));
  });
  range.closest(".controls").hidden = false;
  show(grids.length - 1);
}

if (data.grids.length > 1) scrub(data.grids);

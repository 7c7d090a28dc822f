// Zoom, search and details of flame graphs. Each is a group of class "flame", whose frames are groups of class "f" with
// data-f="start,count,level" and a title: name, module, samples, a line each. Without scripts it is a still picture.
(function () {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg", HTML = "http://www.w3.org/1999/xhtml";
  var CHAR = 7.25, PAD = 3; // as in flame.py, which draws the picture first

  function width(char) {
    return char.codePointAt(0) >= 0x1100 ? 2 : 1;
  }

  function fitted(name, room) {
    var chars = Math.floor((room - 2 * PAD) / CHAR);
    if (chars < 3) return "";
    var kept = "", used = 0, all = Array.from(name), whole = 0;
    all.forEach(function (char) { whole += width(char); });
    if (whole <= chars) return name;
    for (var at = 0; at < all.length && used + width(all[at]) < chars; at++) {
      kept += all[at];
      used += width(all[at]);
    }
    return kept + "\u2026";
  }

  function share(part, whole) {
    var percent = whole ? 100 * part / whole : 0;
    return percent.toFixed(percent < 9.995 ? 2 : 1) + "%";
  }

  // What finds names: text in any case, or a regular expression between slashes; null for one that is wrong.
  function matcher(wanted) {
    var between = /^\/(.+)\/$/.exec(wanted);
    if (!between) {
      wanted = wanted.toLowerCase();
      return function (text) { return text.toLowerCase().indexOf(wanted) >= 0; };
    }
    try {
      var expression = new RegExp(between[1], "i");
      return function (text) { return expression.test(text); };
    } catch (error) {
      return null;
    }
  }

  function frameOf(node) {
    var numbers = node.getAttribute("data-f").split(",").map(Number);
    var lines = node.querySelector("title").textContent.split("\n");
    return {
      node: node, rect: node.querySelector("rect"), text: node.querySelector("text"),
      name: lines[0], module: lines.length > 2 ? lines[1] : "",
      start: numbers[0], count: numbers[1], level: numbers[2]
    };
  }

  function setUp(flame) {
    var room = Number(flame.getAttribute("data-width"));
    var unit = flame.getAttribute("data-unit");
    var frames = Array.prototype.map.call(flame.querySelectorAll(".f"), frameOf);
    var root = frames[0], zoomed = root;
    var detail = flame.querySelector(".detail"), resting = detail.textContent;
    frames.forEach(function (frame) { frame.node.frame = frame; });

    function inside(frame, other) {
      return frame.start >= other.start && frame.start + frame.count <= other.start + other.count;
    }

    function place(frame, x, wide, faded) {
      frame.node.style.display = "";
      frame.node.style.opacity = faded ? 0.45 : 1;
      frame.rect.setAttribute("x", x);
      frame.rect.setAttribute("width", Math.max(wide > 2 ? wide - 0.5 : wide, 0));
      var shown = fitted(frame.name, wide);
      if (!frame.text && shown) {
        frame.text = document.createElementNS(SVG, "text");
        frame.text.setAttribute("y", Number(frame.rect.getAttribute("y")) + 12);
        frame.node.appendChild(frame.text);
      }
      if (frame.text) {
        frame.text.textContent = shown;
        frame.text.setAttribute("x", x + PAD);
      }
    }

    function zoom(to) {
      zoomed = to;
      frames.forEach(function (frame) {
        if (frame.level < to.level && inside(to, frame)) {
          place(frame, 0, room, true);
        } else if (frame.level >= to.level && inside(frame, to) && frame.count / to.count * room >= 0.1) {
          place(frame, (frame.start - to.start) / to.count * room, frame.count / to.count * room, false);
        } else {
          frame.node.style.display = "none";
        }
      });
      reset.setAttribute("visibility", to === root ? "hidden" : "visible");
    }

    function told(frame) {
      var text = frame.name + (frame.module ? " \u00b7 " + frame.module : "") + " \u00b7 " + frame.count.toLocaleString("en") +
        " " + unit + ", " + share(frame.count, root.count);
      return zoomed === root ? text : text + " (" + share(frame.count, zoomed.count) + " of what is shown)";
    }

    // Frames come callers first, so those within one that is found already are counted with it.
    function search(wanted) {
      var matches = wanted ? matcher(wanted) : null, found = 0, end = -1;
      frames.forEach(function (frame) {
        var hit = matches !== null && frame !== root && (matches(frame.name) || matches(frame.module));
        frame.node.classList.toggle("hit", hit);
        if (hit && frame.start >= end) {
          found += frame.count;
          end = frame.start + frame.count;
        }
      });
      matched.textContent = !wanted ? "" : matches === null ? "not a regular expression" :
        "matched: " + share(found, root.count);
    }

    function label(x, anchor, name) {
      var text = document.createElementNS(SVG, "text");
      text.setAttribute("x", x);
      text.setAttribute("y", 22);
      text.setAttribute("text-anchor", anchor);
      text.setAttribute("class", name);
      flame.appendChild(text);
      return text;
    }

    var holder = document.createElementNS(SVG, "foreignObject");
    holder.setAttribute("x", room - 190);
    holder.setAttribute("y", 4);
    holder.setAttribute("width", 190);
    holder.setAttribute("height", 28);
    var box = document.createElementNS(HTML, "input");
    box.setAttribute("type", "search");
    box.setAttribute("placeholder", "search, or /expression/");
    box.setAttribute("aria-label", "search for frames");
    box.setAttribute("style", "box-sizing:border-box;width:100%;height:26px;font-size:12px");
    holder.appendChild(box);
    flame.appendChild(holder);
    var matched = label(room - 200, "end", "dim");
    var reset = label(room - 370, "end", "dim button");
    reset.textContent = "reset zoom";

    box.addEventListener("input", function () { search(box.value); });
    reset.addEventListener("click", function () { zoom(root); });
    flame.addEventListener("click", function (event) {
      var node = event.target.closest(".f");
      if (node) zoom(node.frame);
    });
    flame.addEventListener("mouseover", function (event) {
      var node = event.target.closest(".f");
      detail.textContent = node ? told(node.frame) : resting;
    });
    flame.addEventListener("mouseleave", function () { detail.textContent = resting; });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") {
        box.value = "";
        search("");
        zoom(root);
      }
    });
    zoom(root);
  }

  Array.prototype.forEach.call(document.querySelectorAll(".flame"), setUp);
})();

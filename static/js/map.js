// Maps drawn with Leaflet from our own GeoJSON. Without a tile address nothing is fetched from elsewhere.
// A feature's properties: kind, id, label, title, href, route (index from 0), done, key. Kinds:
//   area, road, water, green   the ground          route   a line in the route's colour and dash
//   stop                       a doorplate         open    an open visit, label "+6 分"
//   unassigned                 a triangle          start   a ring with a house
// Selecting a mark selects every element with the same data-map-id, and the other way round.
(function () {
  "use strict";

  const L = window.L;
  // Solid, long, dots, dash-dot …: routes stay apart in grey print. Beyond six the colour repeats with another dash.
  const DASHES = ["", "16 5", "10 6", "1 7", "12 5 2 5", "6 5", "20 4 2 4", "3 5", "14 4 6 4", "2 10", "18 9", "8 3 2 3"];
  const sprite = () => {
    const use = document.querySelector(".ic use");
    return use ? use.getAttribute("href").split("#")[0] : "";
  };
  const colour = (route) => getComputedStyle(document.documentElement).getPropertyValue("--route-" + ((route % 6) + 1)).trim();

  function element(name, className, text) {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function svg(markup) {
    const names = "http://www.w3.org/2000/svg";
    const node = document.createElementNS(names, "svg");
    node.setAttribute("viewBox", "0 0 24 24");
    node.setAttribute("aria-hidden", "true");
    const child = document.createElementNS(names, markup.name);
    Object.entries(markup.attributes).forEach(([key, value]) => child.setAttribute(key, value));
    node.append(child);
    return node;
  }

  function mark(properties) {
    if (properties.kind === "start") {
      const ring = element("span", "tf-mk__start");
      const home = svg({ name: "use", attributes: { href: sprite() + "#i-home" } });
      home.setAttribute("class", "ic");
      ring.append(home);
      return { node: ring };
    }
    if (properties.kind === "unassigned") {
      const triangle = element("span", "tf-mk__tri", properties.label || "");
      triangle.prepend(svg({ name: "path", attributes: { d: "M12 1 23.5 23H.5Z", fill: "#a8201a", stroke: "#fff", "stroke-width": "1.5" } }));
      return { node: triangle };
    }
    if (properties.kind === "open") return { node: element("span", "tf-mk__open", properties.label || ""), up: true };
    const route = properties.route || 0;
    const plate = element("span", "tf-plate" + (route % 6 ? " r" + ((route % 6) + 1) : "") + (properties.done ? " tf-plate--done" : ""), properties.label || "");
    return { node: plate };
  }

  function marker(feature, at) {
    const properties = feature.properties || {};
    const { node, up } = mark(properties);
    const wrap = element("span", "tf-mk__in");
    wrap.append(node);
    const worker = document.documentElement.dataset.role === "worker";
    const size = up ? [64, 30] : worker ? [44, 44] : [34, 28];
    const icon = L.divIcon({ html: wrap, className: "tf-mk" + (properties.key ? " is-key" : ""), iconSize: size, iconAnchor: [size[0] / 2, up ? size[1] + 6 : size[1] / 2] });
    return L.marker(at, { icon, title: properties.title || properties.label || "", alt: properties.title || properties.label || "", keyboard: true, riseOnHover: true, zIndexOffset: properties.kind === "unassigned" ? 500 : 0 });
  }

  const GROUND = {
    area: { color: "#788684", weight: 1, dashArray: "4 4", fillColor: "#fff", fillOpacity: 0.25 },
    water: { color: "#b5cfd8", weight: 1, fillColor: "#c9dfe6", fillOpacity: 1 },
    green: { color: "#c9d8b6", weight: 1, fillColor: "#d5e2c4", fillOpacity: 1 },
    road: { color: "#fff", weight: 4 },
  };
  function style(feature) {
    const properties = feature.properties || {};
    if (properties.kind === "route") {
      const route = properties.route || 0;
      return { color: colour(route), weight: 4, dashArray: DASHES[route % DASHES.length] || null, lineCap: "butt", fill: false };
    }
    const ground = GROUND[properties.kind] || GROUND.area;
    const line = /LineString/.test(feature.geometry.type); // a closed waterway is a line, never a filled shape
    return Object.assign({ interactive: Boolean(properties.href) }, ground, line ? { fill: false } : {});
  }

  function tiles(box, map) {
    if (!box.dataset.tileUrl) return;
    const options = { attribution: box.dataset.tileAttribution, maxZoom: Number(box.dataset.tileMaxZoom) || 18 };
    if (box.dataset.tileSubdomains) options.subdomains = box.dataset.tileSubdomains;
    box.dataset.tileUrl.split("|").forEach((url) => L.tileLayer(url, options).addTo(map));
  }

  function fail(box) {
    const note = element("p", "tf-map__fail tf-strip tf-strip--box st--soon", box.dataset.textFailed);
    note.setAttribute("role", "status");
    box.parentElement.append(note);
  }

  function select(box, id) {
    box.querySelectorAll(".tf-mk.is-sel").forEach((node) => node.classList.remove("is-sel"));
    const found = box.tanfang.marks.get(String(id));
    if (!found) return;
    const node = found.getElement();
    if (node) node.classList.add("is-sel");
    if (!box.tanfang.map.getBounds().contains(found.getLatLng())) box.tanfang.map.panTo(found.getLatLng());
  }

  function draw(box, data) {
    const { map, marks } = box.tanfang;
    box.tanfang.layer.clearLayers();
    marks.clear();
    const layer = L.geoJSON(data, {
      style,
      pointToLayer: marker,
      onEachFeature(feature, drawn) {
        const properties = feature.properties || {};
        if (properties.id !== undefined && drawn.getLatLng) marks.set(String(properties.id), drawn);
        if (properties.name && GROUND[properties.kind]) drawn.bindTooltip(element("span", "", properties.name), { permanent: true, direction: "center", className: "tf-maplabel", interactive: false });
        if (properties.id === undefined && !properties.href) return;
        drawn.on("click", () => {
          select(box, properties.id);
          const chosen = new CustomEvent("map:select", { bubbles: true, cancelable: true, detail: properties });
          if (box.dispatchEvent(chosen) && !show(properties.id) && properties.href) window.location.assign(properties.href);
        });
      },
    });
    box.tanfang.layer.addLayer(layer);
    const focus = data.features.filter((feature) => !GROUND[(feature.properties || {}).kind] || feature.properties.kind === "area");
    const bounds = L.geoJSON(focus.length ? { type: "FeatureCollection", features: focus } : data).getBounds();
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [36, 36], maxZoom: 17 });
  }

  // the list's side of a selection; true when the list has the element
  function show(id) {
    const others = document.querySelectorAll('[data-map-id="' + CSS.escape(String(id)) + '"]');
    document.querySelectorAll("[data-map-id].is-sel").forEach((node) => node.classList.remove("is-sel"));
    others.forEach((node) => {
      node.classList.add("is-sel");
      node.scrollIntoView({ block: "nearest", behavior: "auto" });
    });
    return others.length > 0;
  }

  function start(box) {
    if (box.tanfang || !L) {
      if (!L) fail(box);
      return;
    }
    const map = L.map(box, { zoomControl: false, attributionControl: Boolean(box.dataset.tileUrl), scrollWheelZoom: false, fadeAnimation: false, zoomAnimation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches });
    if (map.attributionControl) map.attributionControl.setPrefix(false);
    L.control.zoom({ position: "topright", zoomInTitle: box.dataset.textZoomIn, zoomOutTitle: box.dataset.textZoomOut }).addTo(map);
    map.setView([0, 0], 2);
    box.tanfang = { map, marks: new Map(), layer: L.layerGroup().addTo(map) };
    box.addEventListener("click", () => map.scrollWheelZoom.enable(), { once: true }); // the page scrolls until the map is used
    tiles(box, map);
    if (box.dataset.geojson) {
      draw(box, JSON.parse(box.dataset.geojson));
    } else if (box.dataset.url) {
      fetch(box.dataset.url, { headers: { Accept: "application/geo+json" }, credentials: "same-origin" })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .then((data) => draw(box, data))
        .catch(() => fail(box));
    }
    if (window.ResizeObserver) new ResizeObserver(() => map.invalidateSize()).observe(box);
  }

  function startAll(from) {
    from.querySelectorAll("[data-map]").forEach(start);
  }

  ["focusin", "mouseover"].forEach((kind) => {
    document.addEventListener(kind, (event) => {
      const item = event.target.closest && event.target.closest("[data-map-id]");
      if (item) document.querySelectorAll("[data-map]").forEach((box) => box.tanfang && select(box, item.dataset.mapId));
    });
  });
  document.addEventListener("htmx:afterSettle", (event) => startAll(event.detail.elt));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => startAll(document));
  else startAll(document);
})();

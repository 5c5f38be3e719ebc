// Maps drawn with Leaflet from our own GeoJSON. Without a tile address nothing is fetched from elsewhere.
// A feature's properties: kind, id, label, title, href, route (index from 0), done, key. Kinds:
//   area, road, water, green   the ground          route   a line in the route's colour and dash
//   stop                       a doorplate         open    an open visit, label "+6 分"
//   unassigned                 a triangle          start   a ring with a house
//   circle                     about here, `metres` wide to each side
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
    if (properties.kind === "circle") return L.circle(at, { radius: properties.metres, interactive: false });
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
    if (properties.kind === "circle") return { color: "#0f5257", weight: 1, fillColor: "#0f5257", fillOpacity: 0.1, interactive: false };
    const ground = GROUND[properties.kind] || GROUND.area;
    const line = /LineString/.test(feature.geometry.type); // a closed waterway is a line, never a filled shape
    return Object.assign({ interactive: Boolean(properties.href) }, ground, line ? { fill: false } : {});
  }

  // ── tiles in GCJ-02 under data in WGS-84: the same offset as coordinator/kernel/geo.py, in degrees ──
  const { PI, abs, cos, sin, sqrt } = Math;
  const AXIS = 6378245;
  const ECCENTRICITY = 0.00669342162296594323;
  function gcj02(at) {
    const { lat, lng } = at;
    if (lat < 0.8293 || lat > 55.8271 || lng < 72.004 || lng > 137.8347) return at;
    const x = lng - 105;
    const y = lat - 35;
    const root = sqrt(abs(x));
    const ripple = ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
    let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple;
    north += ((20 * sin(y * PI) + 40 * sin((y / 3) * PI) + 160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3;
    let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple;
    east += ((20 * sin(x * PI) + 40 * sin((x / 3) * PI) + 150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3;
    const phi = (lat * PI) / 180;
    const square = 1 - ECCENTRICITY * sin(phi) ** 2;
    const meridian = (AXIS * (1 - ECCENTRICITY)) / (square * sqrt(square));
    const parallel = (AXIS / sqrt(square)) * cos(phi);
    return L.latLng(lat + ((north / meridian) * 180) / PI, lng + ((east / parallel) * 180) / PI);
  }
  // Leaflet asks these (1.9, not public) where the tiles lie for a centre; we answer for the shifted centre, again
  // after each move, because the offset changes by some metres a kilometre.
  const ShiftedTiles = L && L.TileLayer.extend({
    _getTiledPixelBounds(center) {
      return L.TileLayer.prototype._getTiledPixelBounds.call(this, gcj02(center));
    },
    _update(center) {
      if (this._map && this._levels) this._setZoomTransforms(center || this._map.getCenter(), this._map.getZoom());
      L.TileLayer.prototype._update.call(this, center);
    },
    _setZoomTransform(level, center, zoom) {
      L.TileLayer.prototype._setZoomTransform.call(this, level, gcj02(center), zoom);
    },
  });

  function tiles(box, map) {
    if (!box.dataset.tileUrl) return;
    const Layer = box.dataset.tileCrs === "gcj02" ? ShiftedTiles : L.TileLayer;
    const options = { attribution: box.dataset.tileAttribution, maxZoom: Number(box.dataset.tileMaxZoom) || 18 };
    if (box.dataset.tileSubdomains) options.subdomains = box.dataset.tileSubdomains;
    box.dataset.tileUrl.split("|").forEach((url) => new Layer(url, options).addTo(map)); // base and labels: "url|url"
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
    layer.eachLayer((drawn) => drawn instanceof L.Circle && bounds.extend(drawn.getBounds()));
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
    const map = L.map(box, { zoomControl: false, attributionControl: Boolean(box.dataset.tileUrl), scrollWheelZoom: false, zoomSnap: box.dataset.tileUrl ? 1 : 0.25, fadeAnimation: false, zoomAnimation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches });
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

// Choosing a place: a click on the map fills the two fields, typing in the fields moves the mark.
// <div data-pick="map id" data-lat="field id" data-lon="field id" data-centre="lat,lon">
(function () {
  "use strict";

  function start(box) {
    const canvas = document.getElementById(box.dataset.pick);
    const lat = document.getElementById(box.dataset.lat);
    const lon = document.getElementById(box.dataset.lon);
    if (!canvas || !canvas.tanfang || !lat || !lon) return;
    const map = canvas.tanfang.map;
    let mark = null;

    function typed() {
      const at = [parseFloat(lat.value), parseFloat(lon.value)];
      return at.every(Number.isFinite) && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180 ? at : null;
    }
    function put(at) {
      if (mark) mark.setLatLng(at);
      else mark = window.L.circleMarker(at, { radius: 10, color: "#0f5257", weight: 4, fillColor: "#fff", fillOpacity: 0.9 }).addTo(map);
    }
    map.on("click", (event) => {
      lat.value = event.latlng.lat.toFixed(6);
      lon.value = event.latlng.lng.toFixed(6);
      put(event.latlng);
      lat.dispatchEvent(new Event("input", { bubbles: true }));
    });
    [lat, lon].forEach((field) => field.addEventListener("change", () => {
      const at = typed();
      if (!at) return;
      put(at);
      map.panTo(at);
    }));
    const here = typed();
    const centre = (box.dataset.centre || "").split(",").map(Number);
    if (here) {
      put(here);
      map.setView(here, 16);
    } else if (centre.length === 2 && centre.every(Number.isFinite)) map.setView(centre, 15);
  }
  document.querySelectorAll("[data-pick]").forEach(start);
})();

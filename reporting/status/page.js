// Says that the page is old where feedpulse should have written it again. Without this the time on top says it.
(() => {
  const until = Date.parse(document.body.dataset.until);
  const check = () => {
    document.getElementById("old").hidden = !document.body.classList.toggle("old", Date.now() > until);
  };
  check();
  setInterval(check, 60000);
})();

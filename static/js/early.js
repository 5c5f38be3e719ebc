// Marks the page as scripted before it is drawn, so that parts that need a script do not flash.
document.documentElement.classList.add("js");

// Django draws the help of its two-sided selects on "load", as a span with a label. Screen readers
// pass over that unless the span has a role; it shows an icon, so it is an image.
window.addEventListener("load", () => {
    setTimeout(() => {
        for (const tooltip of document.querySelectorAll(".help-tooltip[aria-label]")) {
            tooltip.setAttribute("role", "img");
        }
    });
});

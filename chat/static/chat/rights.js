// Django draws the help of its two-sided selects as a span with a label, which no reader speaks
// unless the span is something; an image, since it shows an icon. They are drawn on "load".
window.addEventListener("load", () => {
    setTimeout(() => {
        for (const tooltip of document.querySelectorAll(".help-tooltip[aria-label]")) {
            tooltip.setAttribute("role", "img");
        }
    });
});

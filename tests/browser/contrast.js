// Texts of all views of a name that are too faint (WCAG 4.5) or too small (12 px), as lines; [] when there is none.
(name) => {
    const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    const rgb = (text, under) => { paint.fillStyle = `rgb(${under})`; paint.fillRect(0, 0, 1, 1); paint.fillStyle = text; paint.fillRect(0, 0, 1, 1); return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3); };
    const ground = (e) => { const chain = []; for (let at = e; at; at = at.parentElement) chain.unshift(at); let c = [255, 255, 255]; for (const at of chain) c = rgb(getComputedStyle(at).backgroundColor, c); return c; };
    const bad = [];
    for (const view of document.querySelectorAll(`section.kk-view[data-kk-view='${name}']`)) {
    // Text within a drawing: against the mark that it stands on where its class names one, else the stage.
    const marks = { 'kk-on': '--kk-heard', 'kk-onlead': '--kk-chosen', 'kk-no': '--kk-ask' };
    for (const e of view.querySelectorAll('.kk-stage svg text, .kk-stage svg tspan')) {
        if (!e.textContent.trim() || !e.getBoundingClientRect().width) continue;
        const mark = Object.keys(marks).find((name) => e.classList.contains(name));
        const paper = ground(e.closest('div'));
        const under = mark ? rgb(getComputedStyle(view).getPropertyValue(marks[mark]), paper) : paper;
        const [a, b] = [lum(rgb(getComputedStyle(e).fill, under)), lum(under)].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(['svg', e.getAttribute('class'), e.textContent.slice(0, 30), ((a + 0.05) / (b + 0.05)).toFixed(2)].join(' '));
        if (parseFloat(getComputedStyle(e).fontSize) < 12) bad.push(['small svg', e.textContent.slice(0, 30)].join(' '));
    }
    for (const e of view.querySelectorAll('h2, h3, p, td, th, dt, dd, b, small, button, code, summary, pre, .kk-sub, .kk-k, .kk-say, .kk-meta, .kk-legend li, .kk-count, .kk-e, .kk-d, .kk-cell, .kk-fold, .kk-corner, .kk-changed div, .kk-took')) {
        if (!e.textContent.trim() || !e.offsetParent || e.disabled) continue;
        const under = ground(e), style = getComputedStyle(e), ink = rgb(style.color, under);
        const [a, b] = [lum(ink), lum(under)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio.toFixed(2)].join(' '));
        if (parseFloat(style.fontSize) < 12) bad.push(['small', e.tagName, style.fontSize, e.textContent.slice(0, 30)].join(' '));
    }
    }
    return bad;
}

// Texts of a view that are too faint (WCAG 4.5) or too small (12 px), as lines; [] when there is none.
(name) => {
    const view = document.querySelector(`section.kk-view[data-kk-view='${name}']`);
    const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    const rgb = (text, under) => { paint.fillStyle = `rgb(${under})`; paint.fillRect(0, 0, 1, 1); paint.fillStyle = text; paint.fillRect(0, 0, 1, 1); return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3); };
    const ground = (e) => { const chain = []; for (let at = e; at; at = at.parentElement) chain.unshift(at); let c = [255, 255, 255]; for (const at of chain) c = rgb(getComputedStyle(at).backgroundColor, c); return c; };
    const bad = [];
    for (const e of view.querySelectorAll('h2, h3, p, td, th, dt, dd, b, small, button, .kk-sub, .kk-k, .kk-say, .kk-meta, .kk-legend li, .kk-count')) {
        if (!e.textContent.trim() || !e.offsetParent || e.disabled) continue;
        const under = ground(e), style = getComputedStyle(e), ink = rgb(style.color, under);
        const [a, b] = [lum(ink), lum(under)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio.toFixed(2)].join(' '));
        if (parseFloat(style.fontSize) < 12) bad.push(['small', e.tagName, style.fontSize, e.textContent.slice(0, 30)].join(' '));
    }
    return bad;
}

import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { encode } from 'uqr';
function pathOf(rows) {
    return rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
        .join('');
}
export function QrCode({ text, label }) {
    const { size, data } = encode(text, { ecc: 'M', border: 0 });
    return (_jsxs("svg", { class: "qr", viewBox: `-4 -4 ${size + 8} ${size + 8}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges", children: [_jsx("rect", { x: "-4", y: "-4", width: size + 8, height: size + 8, fill: "#fff" }), _jsx("path", { d: pathOf(data), fill: "#000" })] }));
}

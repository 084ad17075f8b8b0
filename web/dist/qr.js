import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
const SHAPES = [
    [1, 16, 0, 10], [1, 28, 0, 16], [1, 44, 0, 26], [2, 32, 0, 18], [2, 43, 0, 24],
    [4, 27, 0, 16], [4, 31, 0, 18], [4, 38, 2, 22], [5, 36, 2, 22], [5, 43, 1, 26],
];
const ALIGNED = [
    [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50],
];
const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
    EXP[power] = EXP[power + 255] = value;
    LOG[value] = power;
    value = value << 1 ^ (value & 0x80 ? 0x11d : 0);
}
const at = (list, index) => list[index] ?? 0;
const times = (a, b) => (a && b ? at(EXP, at(LOG, a) + at(LOG, b)) : 0);
function correction(data, count) {
    let generator = [1];
    for (let power = 0; power < count; power++) {
        const next = new Array(generator.length + 1).fill(0);
        generator.forEach((value, index) => {
            next[index] = at(next, index) ^ value;
            next[index + 1] = at(next, index + 1) ^ times(value, at(EXP, power));
        });
        generator = next;
    }
    const rest = [...data, ...new Array(count).fill(0)];
    for (let index = 0; index < data.length; index++) {
        const factor = at(rest, index);
        generator.forEach((value, offset) => {
            rest[index + offset] = at(rest, index + offset) ^ times(value, factor);
        });
    }
    return rest.slice(data.length);
}
function dataWords(bytes, version, capacity) {
    let bits = '0100' + bytes.length.toString(2).padStart(version < 10 ? 8 : 16, '0');
    for (const byte of bytes)
        bits += byte.toString(2).padStart(8, '0');
    bits += '0'.repeat(Math.min(4, capacity * 8 - bits.length));
    bits += '0'.repeat((8 - bits.length % 8) % 8);
    const words = (bits.match(/.{8}/g) ?? []).map((word) => parseInt(word, 2));
    for (let pad = 0; words.length < capacity; pad++)
        words.push(pad % 2 ? 0x11 : 0xec);
    return words;
}
function codewords(bytes) {
    const capacityOf = ([blocks, size, longer]) => blocks * size + longer;
    const fits = SHAPES.findIndex((shape, index) => bytes.length + (index < 9 ? 2 : 3) <= capacityOf(shape));
    const shape = SHAPES[fits];
    if (!shape)
        return null;
    const [blocks, size, longer, count] = shape;
    const words = dataWords(bytes, fits + 1, capacityOf(shape));
    const data = [];
    for (let block = 0, begin = 0; block < blocks; block++) {
        const length = size + (block >= blocks - longer ? 1 : 0);
        data.push(words.slice(begin, begin += length));
    }
    const checks = data.map((block) => correction(block, count));
    const out = [];
    for (const rows of [data, checks]) {
        const longest = Math.max(...rows.map(({ length }) => length));
        for (let index = 0; index < longest; index++) {
            for (const row of rows)
                if (index < row.length)
                    out.push(at(row, index));
        }
    }
    return { version: fits + 1, words: out };
}
class Grid {
    version;
    size;
    cells;
    constructor(version) {
        this.version = version;
        this.size = version * 4 + 17;
        this.cells = new Array(this.size ** 2).fill(null);
    }
    get(x, y) {
        return this.cells[y * this.size + x] ?? null;
    }
    set(x, y, dark) {
        if (x >= 0 && y >= 0 && x < this.size && y < this.size)
            this.cells[y * this.size + x] = dark;
    }
    finder(cx, cy) {
        for (let dy = -4; dy <= 4; dy++) {
            for (let dx = -4; dx <= 4; dx++) {
                const ring = Math.max(Math.abs(dx), Math.abs(dy));
                this.set(cx + dx, cy + dy, ring !== 2 && ring !== 4);
            }
        }
    }
    drawPatterns() {
        const last = this.size - 4;
        for (let index = 0; index < this.size; index++) {
            this.set(6, index, index % 2 === 0);
            this.set(index, 6, index % 2 === 0);
        }
        this.finder(3, 3);
        this.finder(last, 3);
        this.finder(3, last);
        const places = ALIGNED[this.version - 1] ?? [];
        const end = places.at(-1);
        for (const x of places) {
            for (const y of places) {
                const isFinder = (x === 6 && (y === 6 || y === end)) || (y === 6 && x === end);
                if (!isFinder)
                    this.alignment(x, y);
            }
        }
        if (this.version >= 7)
            this.drawVersion();
        this.drawFormat(0);
    }
    alignment(cx, cy) {
        for (let dy = -2; dy <= 2; dy++) {
            for (let dx = -2; dx <= 2; dx++) {
                this.set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
            }
        }
    }
    drawVersion() {
        let rest = this.version;
        for (let bit = 0; bit < 12; bit++)
            rest = rest << 1 ^ (rest >>> 11) * 0x1f25;
        const bits = this.version << 12 | rest;
        for (let bit = 0; bit < 18; bit++) {
            const [a, b] = [this.size - 11 + bit % 3, Math.floor(bit / 3)];
            this.set(a, b, (bits >>> bit & 1) === 1);
            this.set(b, a, (bits >>> bit & 1) === 1);
        }
    }
    drawFormat(mask) {
        let rest = mask;
        for (let bit = 0; bit < 10; bit++)
            rest = rest << 1 ^ (rest >>> 9) * 0x537;
        const bits = (mask << 10 | rest) ^ 0x5412;
        const dark = (bit) => (bits >>> bit & 1) === 1;
        for (let bit = 0; bit < 6; bit++)
            this.set(8, bit, dark(bit));
        this.set(8, 7, dark(6));
        this.set(8, 8, dark(7));
        this.set(7, 8, dark(8));
        for (let bit = 9; bit < 15; bit++)
            this.set(14 - bit, 8, dark(bit));
        for (let bit = 0; bit < 8; bit++)
            this.set(this.size - 1 - bit, 8, dark(bit));
        for (let bit = 8; bit < 15; bit++)
            this.set(8, this.size - 15 + bit, dark(bit));
        this.set(8, this.size - 8, true);
    }
    fill(words) {
        let bit = 0;
        for (let right = this.size - 1; right >= 1; right -= 2) {
            if (right === 6)
                right = 5;
            for (let step = 0; step < this.size; step++) {
                for (const x of [right, right - 1]) {
                    const up = (right + 1 & 2) === 0;
                    const y = up ? this.size - 1 - step : step;
                    if (this.get(x, y) !== null)
                        continue;
                    const dark = (at(words, bit >>> 3) >>> 7 - (bit & 7) & 1) === 1;
                    this.set(x, y, dark !== ((x + y) % 2 === 0));
                    bit += 1;
                }
            }
        }
    }
}
export function qrPath(text) {
    const coded = codewords(new TextEncoder().encode(text));
    if (!coded)
        return null;
    const grid = new Grid(coded.version);
    grid.drawPatterns();
    grid.fill(coded.words);
    grid.drawFormat(0);
    let path = '';
    for (let y = 0; y < grid.size; y++) {
        for (let x = 0; x < grid.size; x++)
            if (grid.get(x, y))
                path += `M${x} ${y}h1v1h-1z`;
    }
    return { size: grid.size, path };
}
export function QrCode({ text, label }) {
    const code = qrPath(text);
    if (!code)
        return null;
    const { size, path } = code;
    return (_jsxs("svg", { class: "qr", viewBox: `-4 -4 ${size + 8} ${size + 8}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges", children: [_jsx("rect", { x: "-4", y: "-4", width: size + 8, height: size + 8, fill: "#fff" }), _jsx("path", { d: path, fill: "#000" })] }));
}

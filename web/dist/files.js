import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { attachmentsOf, bytes } from './files_text.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { Sound } from './player.js';
import { attempt, client } from './state.js';
import { Icon } from './ui.js';
import { save, view } from './viewing.js';
const TILES = 4;
const LIVELY = 8_000_000;
const isCalm = matchMedia('(prefers-reduced-motion: reduce)');
export const isPictured = ({ kind }) => kind === 'image' || kind === 'video';
export function Attachments({ row, state }) {
    const all = attachmentsOf(row);
    if (!all.length)
        return null;
    const pictures = all.filter(isPictured);
    const [one] = pictures;
    return (_jsxs(_Fragment, { children: [pictures.length > 1 && _jsx(Grid, { files: pictures, state: state }), pictures.length === 1 && one && (_jsx("div", { class: "pictures", children: one.kind === 'video' ? _jsx(Film, { file: one }) : _jsx(Picture, { file: one, state: state, alone: true }) })), all.filter((file) => !isPictured(file)).map((file) => file.kind === 'document'
                ? _jsx(Document, { file: file }, file.id)
                : _jsx(Sound, { file: file }, file.id))] }));
}
function Grid({ files, state }) {
    const more = files.length > TILES ? files.length - TILES : 0;
    return (_jsx("div", { class: "pictures many", children: files.slice(0, TILES).map((file, at) => (_jsx(Picture, { file: file, state: state, more: at === TILES - 1 ? more : 0 }, file.id))) }));
}
function room(file) {
    const [width, height] = [file.width || 320, file.height || 240];
    const ratio = Math.min(3, Math.max(0.5, width / height));
    const wide = Math.min(width, 320, 380 * ratio);
    return { width: `${Math.max(140, Math.round(wide))}px`, aspectRatio: `${ratio}` };
}
function Picture({ file, state, alone = false, more = 0 }) {
    const { kind, name, url, small_url, large_url, animated, size } = file;
    const moves = animated && alone && size < LIVELY && !isCalm.matches;
    const best = alone || !small_url ? large_url ?? url : small_url;
    const source = usePicture(moves ? url : kind === 'video' ? small_url : best);
    const label = t(kind === 'video' ? 'file.play' : 'file.open', { name });
    return (_jsxs("button", { type: "button", class: "picture", style: alone ? room(file) : undefined, onClick: () => view(state, file.id), children: [_jsxs("span", { class: "hidden", children: [label, " "] }), _jsx(Placeholder, { hash: file.thumbhash }), source && _jsx("img", { src: source, alt: "", decoding: "async" }), kind === 'video' && !small_url && _jsx(FirstFrame, { file: file }), source === '' && (_jsx("span", { class: "picture-gone", children: _jsx(Icon, { name: "image-off", label: t('file.gone') }) })), kind === 'video' && !more && _jsx(FilmMarks, { file: file }), animated && !moves && _jsx("span", { class: "film-time", children: "GIF" }), more > 0 && _jsxs("span", { class: "picture-more", children: ["+", more] })] }));
}
function Placeholder({ hash }) {
    const ref = useRef(null);
    useEffect(() => {
        if (!hash)
            return;
        void import('./thumbhash.js').then(({ paint }) => {
            if (ref.current)
                paint(ref.current, hash);
        }, () => undefined);
    }, [hash]);
    return hash ? _jsx("canvas", { ref: ref, width: 1, height: 1, "aria-hidden": "true" }) : null;
}
function FirstFrame({ file }) {
    const link = useSignal('');
    useEffect(() => {
        client.files.link(file.id).then((url) => { link.value = `${url}#t=0.3`; }, () => undefined);
    }, [file.id]);
    if (!link.value)
        return null;
    return (_jsx("video", { src: link.value, preload: "metadata", muted: true, playsInline: true, tabIndex: -1, "aria-hidden": "true", disablePictureInPicture: true }));
}
function FilmMarks({ file }) {
    return (_jsxs(_Fragment, { children: [_jsx("span", { class: "film-play", children: _jsx(Icon, { name: "play" }) }), _jsx("span", { class: "film-time", children: file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size) })] }));
}
function Film({ file }) {
    const isOpen = useSignal(false);
    const poster = usePicture(file.large_url ?? file.small_url);
    if (isOpen.value) {
        return (_jsx(PlayFilm, { file: file, class: "picture", style: room(file), ...(poster ? { poster } : {}) }));
    }
    return (_jsxs("button", { type: "button", class: "picture", style: room(file), onClick: () => { isOpen.value = true; }, children: [_jsxs("span", { class: "hidden", children: [t('file.play', { name: file.name }), " "] }), _jsx(Placeholder, { hash: file.thumbhash }), poster && _jsx("img", { src: poster, alt: "", decoding: "async" }), !file.small_url && _jsx(FirstFrame, { file: file }), _jsx(FilmMarks, { file: file })] }));
}
export function PlayFilm({ file, class: name, style, poster }) {
    const ref = useRef(null);
    const link = useSignal('');
    const isBad = useSignal(false);
    const get = async () => {
        const now = link.peek();
        const at = ref.current?.currentTime ?? 0;
        const next = await attempt(client.files.link(file.id));
        if (!next || next === now)
            isBad.value = true;
        else {
            link.value = next;
            if (ref.current && at)
                ref.current.currentTime = at;
        }
    };
    useEffect(() => { void get(); }, [file.id]);
    if (isBad.value) {
        return (_jsxs("span", { class: `${name} film-bad`, style: style, children: [_jsx("span", { children: t('file.unplayable') }), _jsx("button", { type: "button", class: "button small", onClick: () => void save(file), children: t('file.save') })] }));
    }
    return (_jsx("video", { ref: ref, class: name, style: style, src: link.value || undefined, poster: poster, controls: true, autoplay: true, playsInline: true, "aria-label": file.name, onError: () => { if (link.peek())
            void get(); } }));
}
function Document({ file }) {
    return (_jsxs("button", { type: "button", class: "file", onClick: () => void save(file), title: file.name, children: [_jsxs("span", { class: "hidden", children: [t('file.save'), " "] }), _jsx(FileIcon, { name: file.name }), _jsxs("span", { class: "file-text", children: [_jsx("span", { class: "file-name", dir: "auto", children: file.name }), _jsx("small", { children: bytes(file.size) })] })] }));
}
export function FileIcon({ name }) {
    const ending = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1];
    return (_jsx("span", { class: "file-icon", "aria-hidden": "true", children: ending ? _jsx("b", { children: ending.toUpperCase() }) : _jsx(Icon, { name: "file-text" }) }));
}

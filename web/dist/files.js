import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { duration } from './format.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { attempt, client } from './state.js';
import { Icon, IconButton, Spinner } from './ui.js';
export function Attachments({ row }) {
    const all = attachmentsOf(row);
    if (!all.length)
        return null;
    const pictures = all.filter(({ kind }) => kind === 'image' || kind === 'video');
    const others = all.filter(({ kind }) => kind !== 'image' && kind !== 'video');
    return (_jsxs(_Fragment, { children: [pictures.length > 0 && (_jsx("div", { class: `pictures ${pictures.length > 1 ? 'many' : ''}`, children: pictures.map((one) => one.kind === 'video'
                    ? _jsx(Film, { file: one }, one.id)
                    : _jsx(Picture, { file: one, alone: pictures.length === 1 }, one.id)) })), others.map((one) => one.kind === 'document'
                ? _jsx(Document, { file: one }, one.id)
                : _jsx(Sound, { file: one }, one.id))] }));
}
function room(file) {
    const [width, height] = [file.width || 320, file.height || 240];
    const scale = Math.min(1, 320 / width, 380 / height);
    return { width: `${Math.max(120, Math.round(width * scale))}px`, aspectRatio: `${width} / ${height}` };
}
function Picture({ file, alone }) {
    const isOpen = useSignal(false);
    const url = usePicture((alone ? file.large_url : file.small_url) ?? file.url);
    return (_jsxs(_Fragment, { children: [_jsx("button", { type: "button", class: "picture", style: alone ? room(file) : undefined, "aria-label": t('file.open', { name: file.name }), onClick: () => { isOpen.value = true; }, children: url ? _jsx("img", { src: url, alt: "", decoding: "async" }) : _jsx("span", { class: "picture-wait" }) }), isOpen.value && _jsx(Full, { file: file, onClose: () => { isOpen.value = false; } })] }));
}
function Full({ file, onClose }) {
    const ref = useRef(null);
    const url = usePicture(file.animated ? file.url : file.large_url ?? file.url);
    useEffect(() => {
        const dialog = ref.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    return (_jsxs("dialog", { ref: ref, class: "full", "aria-label": file.name, onCancel: (event) => { event.preventDefault(); onClose(); }, onClick: (event) => { if (!event.target.closest('button, img'))
            onClose(); }, children: [_jsxs("header", { children: [_jsx("span", { class: "grow", dir: "auto", children: file.name }), _jsx(IconButton, { icon: "download", label: t('file.save'), onClick: () => void save(file) }), _jsx(IconButton, { icon: "x", label: t('close'), onClick: onClose })] }), url ? _jsx("img", { src: url, alt: file.name }) : _jsx(Spinner, {})] }));
}
function Film({ file }) {
    const link = useSignal('');
    const poster = usePicture(file.small_url);
    const play = async () => {
        link.value = await attempt(client.files.link(file.id)) ?? '';
    };
    if (link.value) {
        return _jsx("video", { class: "picture", style: room(file), src: link.value, controls: true, autoplay: true, playsInline: true });
    }
    return (_jsxs("button", { type: "button", class: "picture film", style: room(file), onClick: () => void play(), children: [_jsxs("span", { class: "hidden", children: [t('file.play', { name: file.name }), " "] }), poster ? _jsx("img", { src: poster, alt: "" }) : _jsx("span", { class: "picture-wait" }), _jsx("span", { class: "film-play", children: _jsx(Icon, { name: "play" }) }), _jsx("span", { class: "film-time", children: file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size) })] }));
}
function Sound({ file }) {
    const link = useSignal('');
    const play = async () => {
        link.value = await attempt(client.files.link(file.id)) ?? '';
    };
    if (link.value)
        return _jsx("audio", { class: "sound", src: link.value, controls: true, autoplay: true });
    return (_jsxs("button", { type: "button", class: "file", onClick: () => void play(), children: [_jsx("span", { class: "hidden", children: t('file.play', { name: '' }) }), _jsx("span", { class: "file-icon", children: _jsx(Icon, { name: "play" }) }), _jsxs("span", { class: "file-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: file.kind === 'voice' ? t('file.voice') : file.name }), _jsx("small", { children: file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size) })] })] }));
}
function Document({ file }) {
    return (_jsxs("button", { type: "button", class: "file", onClick: () => void save(file), children: [_jsxs("span", { class: "hidden", children: [t('file.save'), " "] }), _jsx("span", { class: "file-icon", children: _jsx(Icon, { name: "file-text" }) }), _jsxs("span", { class: "file-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: file.name }), _jsx("small", { children: bytes(file.size) })] })] }));
}
async function save(file) {
    const url = await attempt(client.files.link(file.id));
    if (!url)
        return;
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = file.name;
    anchor.rel = 'noopener';
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
}
export function Waiting({ files, onRemove }) {
    return (_jsx("ul", { class: "waiting-files", children: files.map((file) => _jsx(WaitingFile, { file: file, ...(onRemove ? { onRemove } : {}) }, `${file.name} ${file.blob.size}`)) }));
}
function WaitingFile({ file, onRemove }) {
    const url = useSignal('');
    useEffect(() => {
        if (!/^image\/(png|jpeg|gif|webp|avif)$/.test(file.blob.type))
            return undefined;
        const made = URL.createObjectURL(file.blob);
        url.value = made;
        return () => URL.revokeObjectURL(made);
    }, [file]);
    const name = file.kind === 'voice' ? t('file.voice') : file.name;
    return (_jsxs("li", { class: url.value ? 'waiting-picture' : 'waiting-file', children: [url.value
                ? _jsx("img", { src: url.value, alt: file.name })
                : _jsxs(_Fragment, { children: [_jsx(Icon, { name: file.kind === 'voice' ? 'mic' : 'file-text' }), _jsxs("span", { class: "file-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: name }), _jsx("small", { children: bytes(file.blob.size) })] })] }), onRemove && _jsx(IconButton, { icon: "x", label: t('remove'), onClick: () => onRemove(file) })] }));
}

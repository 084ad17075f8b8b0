import { ApiError, offline } from './rest.js';
const PARTS_FROM = 3 * 2 ** 20;
const PART = 8 * 2 ** 20;
const STALL_MS = 30_000;
const LOOK_MS = 120_000;
const LOOK_AGAIN_MS = 500;
const MISFITS = 5;
const TUS = { 'tus-resumable': '1.0.0' };
export async function upload(rest, file, how) {
    try {
        const isWhole = file.blob.size < PARTS_FROM && !file.upload && !file.broke;
        return await (isWhole ? whole(rest, file, how) : inParts(rest, file, how));
    }
    catch (error) {
        if (!(error instanceof ApiError) || !error.isOffline || how.signal?.aborted)
            throw error;
        file.broke = true;
        await checkReadable(rest, file.blob);
        throw error;
    }
}
async function whole(rest, file, { progress, signal }) {
    const form = new FormData();
    form.append('kind', file.kind);
    if (file.duration_ms)
        form.append('duration_ms', String(Math.round(file.duration_ms)));
    if (file.poster)
        form.append('poster', file.poster, 'poster.jpg');
    form.append('file', file.blob, file.name);
    const answer = await send(rest, {
        method: 'POST', path: '/files', body: form, signal,
        progress: (sent, total) => progress(total ? sent / total : 0),
    });
    return JSON.parse(answer.responseText);
}
async function inParts(rest, file, how) {
    const { blob } = file;
    const { signal } = how;
    let offset = file.upload ? await offsetOf(rest, `/uploads/${file.upload}`, signal) : null;
    if (offset === null) {
        file.upload = await create(rest, file, signal);
        offset = 0;
        await how.began?.();
    }
    const path = `/uploads/${file.upload}`;
    const drop = () => void rest.delete(path).catch(() => undefined);
    signal?.addEventListener('abort', drop);
    try {
        for (let misfits = 0; offset < blob.size;) {
            offset = await part(rest, path, blob, offset, how).catch((error) => {
                misfits += 1;
                return elsewhere(rest, path, error, misfits, signal);
            });
        }
        return await finished(rest, path);
    }
    finally {
        signal?.removeEventListener('abort', drop);
    }
}
async function part(rest, path, blob, from, how) {
    const answer = await send(rest, {
        method: 'PATCH',
        path,
        headers: {
            ...TUS, 'upload-offset': String(from), 'content-type': 'application/offset+octet-stream',
        },
        body: blob.slice(from, from + PART),
        signal: how.signal,
        progress: (sent) => how.progress((from + sent) / blob.size),
    });
    const offset = Number(answer.getResponseHeader('upload-offset'));
    if (!(offset > from))
        throw offline('The upload does not move.');
    return offset;
}
async function elsewhere(rest, path, error, misfits, signal) {
    if (!(error instanceof ApiError) || error.problem.status !== 409)
        throw error;
    const offset = await offsetOf(rest, path, signal);
    if (offset === null)
        throw error;
    if (misfits > MISFITS)
        throw offline('The upload is taken elsewhere.');
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS * misfits));
    return offset;
}
async function offsetOf(rest, path, signal) {
    try {
        const answer = await send(rest, { method: 'HEAD', path, headers: TUS, signal });
        return Number(answer.getResponseHeader('upload-offset'));
    }
    catch (error) {
        if (error instanceof ApiError
            && (error.problem.status === 404 || error.problem.status === 410)) {
            return null;
        }
        throw error;
    }
}
async function create(rest, file, signal) {
    const facts = [['filename', file.name], ['kind', file.kind]];
    if (file.duration_ms)
        facts.push(['duration_ms', String(Math.round(file.duration_ms))]);
    const metadata = facts.map(([name, value]) => `${name} ${base64(value)}`).join(',');
    const headers = { ...TUS, 'upload-length': String(file.blob.size), 'upload-metadata': metadata };
    const answer = await send(rest, { method: 'POST', path: '/uploads', headers, signal });
    const id = /([^/]+)\/?$/.exec(answer.getResponseHeader('location') ?? '')?.[1];
    if (!id)
        throw offline('The server named no upload.');
    return id;
}
async function finished(rest, path) {
    for (const end = Date.now() + LOOK_MS;;) {
        const { file } = await rest.get(path);
        if (file)
            return file;
        if (Date.now() > end)
            throw offline('The server has not looked at the file.');
        await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    }
}
function send(rest, { method, path, headers, body, signal, progress }) {
    return new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        let timer;
        const within = (ms) => {
            clearTimeout(timer);
            timer = setTimeout(() => request.abort(), ms);
        };
        const stop = () => request.abort();
        request.open(method, `${rest.base}/api/v1${path}`);
        request.setRequestHeader('authorization', `Bearer ${rest.token ?? ''}`);
        request.setRequestHeader('accept-language', rest.language);
        for (const [name, value] of Object.entries(headers ?? {})) {
            request.setRequestHeader(name, value);
        }
        if (progress) {
            request.upload.onprogress = ({ loaded, total }) => {
                within(STALL_MS);
                progress(loaded, total);
            };
            request.upload.onload = () => within(LOOK_MS);
        }
        request.onloadend = () => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', stop);
            if (request.status >= 200 && request.status < 300)
                done(request);
            else
                fail(request.status ? refused(request) : offline());
        };
        if (signal?.aborted)
            return fail(offline());
        signal?.addEventListener('abort', stop);
        within(STALL_MS);
        request.send(body ?? null);
    });
}
function refused(request) {
    try {
        const told = JSON.parse(request.responseText);
        if (typeof told.code === 'string' && typeof told.detail === 'string')
            return new ApiError(told);
    }
    catch {
    }
    const { status, statusText: title } = request;
    const code = status === 413 ? 'too_large' : status >= 500 ? 'unavailable' : 'bad_request';
    return new ApiError({ type: 'about:blank', title, status, code, detail: `${status} ${title}` });
}
const UNREADABLE = {
    en: 'The file was moved or changed after it was chosen. Choose it again.',
    es: 'El archivo se movió o cambió después de elegirlo. Elígelo de nuevo.',
    zh: '文件在选择后被移动或修改。请重新选择。',
};
async function checkReadable(rest, blob) {
    try {
        await blob.slice(-1).arrayBuffer();
    }
    catch {
        const detail = UNREADABLE[rest.language.split('-')[0]] ?? UNREADABLE.en;
        throw new ApiError({ type: 'about:blank', title: 'Unreadable', status: 400, code: 'unreadable', detail });
    }
}
function base64(text) {
    return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

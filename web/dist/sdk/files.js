import { ApiError, offline } from './rest.js';
const KEPT = 150;
export class Files {
    rest;
    pictures = new Map();
    links = new Map();
    constructor(rest) {
        this.rest = rest;
    }
    upload({ blob, name, kind }, progress) {
        return new Promise((done, fail) => {
            const form = new FormData();
            form.append('kind', kind);
            form.append('file', blob, name);
            const request = new XMLHttpRequest();
            request.open('POST', `${this.rest.base}/api/v1/files`);
            request.setRequestHeader('authorization', `Bearer ${this.rest.token ?? ''}`);
            request.setRequestHeader('accept-language', this.rest.language);
            request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
            request.onerror = request.onabort = request.ontimeout = () => fail(offline());
            request.onload = () => {
                if (request.status === 201)
                    done(JSON.parse(request.responseText));
                else
                    fail(refused(request));
            };
            request.send(form);
        });
    }
    picture(path) {
        const known = this.pictures.get(path);
        if (known) {
            this.pictures.delete(path);
            this.pictures.set(path, known);
            return known;
        }
        const fetched = this.fetchPicture(path);
        this.pictures.set(path, fetched);
        fetched.catch(() => this.pictures.delete(path));
        for (const [old, url] of this.pictures) {
            if (this.pictures.size <= KEPT)
                break;
            this.pictures.delete(old);
            void url.then((one) => URL.revokeObjectURL(one), () => undefined);
        }
        return fetched;
    }
    async fetchPicture(path) {
        const headers = { authorization: `Bearer ${this.rest.token ?? ''}` };
        const answer = await fetch(this.rest.base + path, { headers, credentials: 'omit' }).catch(() => {
            throw offline();
        });
        if (!answer.ok)
            throw problemOf(answer.status, answer.statusText);
        return URL.createObjectURL(await answer.blob());
    }
    async link(file) {
        const known = this.links.get(file);
        if (known && known.until > Date.now())
            return known.url;
        const { links } = await this.rest.post('/files/links', { files: [file] });
        const [one] = links;
        if (!one)
            throw offline();
        const url = this.rest.base + one.url;
        this.links.set(file, { url, until: Date.parse(one.expires) - 60_000 });
        return url;
    }
    clear() {
        for (const url of this.pictures.values())
            void url.then((one) => URL.revokeObjectURL(one), () => undefined);
        this.pictures.clear();
        this.links.clear();
    }
}
function refused(request) {
    try {
        return new ApiError(JSON.parse(request.responseText));
    }
    catch {
        return problemOf(request.status, request.statusText);
    }
}
function problemOf(status, title) {
    const code = status === 413 ? 'too_large' : status >= 500 ? 'unavailable' : 'bad_request';
    return new ApiError({ type: 'about:blank', title, status, code, detail: `${status} ${title}` });
}

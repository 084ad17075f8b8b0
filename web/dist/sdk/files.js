import { ApiError, offline } from './rest.js';
const KEPT = 150;
const LEFT_MS = 60_000;
export class Files {
    rest;
    pictures = new Map();
    links = new Map();
    constructor(rest) {
        this.rest = rest;
    }
    async upload(file, how) {
        const module = await import('./upload.js').catch(() => { throw offline(); });
        return module.upload(this.rest, file, how);
    }
    picture(path) {
        const known = this.pictures.get(path);
        if (known) {
            this.pictures.delete(path);
            this.pictures.set(path, known);
            return known;
        }
        const fetched = this.fetchPicture(path);
        this.keepPicture(path, fetched);
        fetched.catch(() => this.pictures.delete(path));
        return fetched;
    }
    sent({ kind, url, large_url }, blob) {
        if (kind === 'image') {
            this.keepPicture(large_url ?? url, Promise.resolve(URL.createObjectURL(blob)));
        }
    }
    keepPicture(path, url) {
        this.pictures.set(path, url);
        for (const [old, one] of this.pictures) {
            if (this.pictures.size <= KEPT)
                break;
            this.pictures.delete(old);
            forget(one);
        }
    }
    async fetchPicture(path) {
        const headers = {
            authorization: `Bearer ${this.rest.token ?? ''}`, 'accept-language': this.rest.language,
        };
        const answer = await fetch(this.rest.base + path, { headers, credentials: 'omit' }).catch(() => {
            throw offline();
        });
        if (!answer.ok)
            throw problemOf(answer.status, answer.statusText);
        return URL.createObjectURL(await answer.blob());
    }
    async link(file) {
        const known = this.links.get(file);
        if (known && known.until > Date.now() + LEFT_MS)
            return known.url;
        const { links } = await this.rest.post('/files/links', { files: [file] });
        const [one] = links;
        if (!one)
            throw problemOf(404, 'Not Found');
        const url = this.rest.base + one.url;
        this.links.set(file, { url, until: Date.parse(one.expires) });
        return url;
    }
    storage() {
        return this.rest.get('/me/storage');
    }
    clear() {
        for (const url of this.pictures.values())
            forget(url);
        this.pictures.clear();
        this.links.clear();
    }
}
function forget(url) {
    void url.then((one) => URL.revokeObjectURL(one), () => undefined);
}
function problemOf(status, title) {
    const code = status === 404 ? 'not_found' : status >= 500 ? 'unavailable' : 'bad_request';
    return new ApiError({ type: 'about:blank', title, status, code, detail: `${status} ${title}` });
}

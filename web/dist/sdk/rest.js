export class ApiError extends Error {
    problem;
    constructor(problem) {
        super(problem.detail);
        this.problem = problem;
        this.name = 'ApiError';
    }
    get code() {
        return this.problem.code;
    }
    get isOffline() {
        return this.problem.code === 'offline';
    }
    get isPassing() {
        return this.isOffline || this.problem.status >= 500 || this.problem.status === 429;
    }
}
export const offline = (detail = 'The server cannot be reached.') => new ApiError({ type: 'about:blank', title: 'Offline', status: 0, code: 'offline', detail });
export const gone = (detail = 'This message is not there any more.') => new ApiError({ type: 'about:blank', title: 'Not found', status: 404, code: 'not_found', detail });
export class Rest {
    base;
    token = null;
    instance = null;
    language = 'en';
    constructor(base) {
        this.base = base;
    }
    async ask(path, { method = 'GET', body, query, signal, keepalive, ...more } = {}) {
        const headers = { ...more.headers, 'accept-language': this.language };
        if (this.token)
            headers.authorization = `Bearer ${this.token}`;
        if (this.instance)
            headers.instance = this.instance;
        if (body !== undefined)
            headers['content-type'] = 'application/json';
        const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
        const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
        const url = `${this.base}/api/v1${path}${given.length ? `?${search}` : ''}`;
        let answer;
        let text;
        try {
            answer = await fetch(url, {
                method,
                headers,
                signal: signal ?? AbortSignal.timeout(20_000),
                credentials: 'omit',
                cache: 'no-store',
                ...(keepalive ? { keepalive } : {}),
                ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            });
            text = await answer.text();
        }
        catch (error) {
            if (signal?.aborted)
                throw error;
            throw offline();
        }
        if (answer.ok)
            return (text ? JSON.parse(text) : undefined);
        throw new ApiError(problem(answer, text));
    }
    get(path, query) {
        return this.ask(path, query ? { query } : {});
    }
    post(path, body) {
        return this.ask(path, { method: 'POST', body });
    }
    put(path, body) {
        return this.ask(path, { method: 'PUT', body });
    }
    patch(path, body) {
        return this.ask(path, { method: 'PATCH', body });
    }
    delete(path, query) {
        return this.ask(path, query ? { method: 'DELETE', query } : { method: 'DELETE' });
    }
}
function problem(answer, text) {
    try {
        const told = JSON.parse(text);
        if (typeof told.code === 'string' && typeof told.detail === 'string')
            return told;
    }
    catch {
    }
    const title = answer.statusText || 'Error';
    const code = answer.status >= 500 ? 'unavailable' : 'bad_request';
    return {
        type: 'about:blank', title, status: answer.status, code, detail: `${answer.status} ${title}`,
    };
}

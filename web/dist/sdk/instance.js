const NAME = 'wechat.instance';
const WAIT_MS = 1_000;
const fresh = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};
function kept() {
    try {
        return sessionStorage.getItem(NAME);
    }
    catch {
        return null;
    }
}
function keep(name) {
    try {
        sessionStorage.setItem(NAME, name);
    }
    catch {
    }
}
function lock(name) {
    const { locks } = navigator;
    if (!locks)
        return Promise.resolve(true);
    return new Promise((done) => {
        const held = () => {
            done(true);
            return new Promise(() => undefined);
        };
        locks.request(`${NAME}.${name}`, { signal: AbortSignal.timeout(WAIT_MS) }, held)
            .catch(() => done(false));
    });
}
let own = null;
async function find() {
    const before = kept();
    if (before && await lock(before))
        return before;
    const name = fresh();
    keep(name);
    await lock(name);
    return name;
}
export const instance = () => (own ??= find());

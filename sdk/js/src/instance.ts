/**
 * The name of this tab, under which the server knows it among others of its session: a call belongs
 * to one of them. A page that is loaded again keeps it; a tab that was duplicated, and so begins
 * with a copy, finds the name locked and takes another. Called by `Client` before it connects.
 */

const NAME = 'wechat.instance';
/** A page that is loaded again may be faster than the end of the one before. */
const WAIT_MS = 1_000;

const fresh = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

function kept(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function keep(name: string): void {
  try {
    sessionStorage.setItem(NAME, name);
  } catch {
    // Refused: it holds as long as the page.
  }
}

/** Holds the name until the page is gone; whether it was free within the time. */
function lock(name: string): Promise<boolean> {
  const { locks } = navigator;
  // Only secure pages have locks, and calls need such a page anyway.
  if (!locks) return Promise.resolve(true);
  return new Promise((done) => {
    const held = (): Promise<never> => {
      done(true);
      return new Promise(() => undefined);
    };
    locks.request(`${NAME}.${name}`, { signal: AbortSignal.timeout(WAIT_MS) }, held)
      .catch(() => done(false));
  });
}

let own: Promise<string> | null = null;

async function find(): Promise<string> {
  const before = kept();
  if (before && await lock(before)) return before;
  const name = fresh();
  keep(name);
  await lock(name);
  return name;
}

/** The name of this tab. */
export const instance = (): Promise<string> => (own ??= find());

/** Pictures of people, groups and messages, fetched as they are drawn. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, type Id } from 'wechat-sdk';

import { client } from './state.js';

/** The address of a picture in memory: nothing until it is there, empty when it is gone. */
export function usePicture(path: string | null | undefined): string | null {
  const url = useSignal<string | null>(null);
  useEffect(() => {
    if (!path) {
      url.value = null;
      return undefined;
    }
    let isHere = true;
    let isWanted = false;
    const get = (): void => {
      isWanted = false;
      const found = (one: string): void => { if (isHere) url.value = one; };
      client.files.picture(path).then(found, (error: unknown) => {
        if (error instanceof ApiError && !error.isPassing) url.value = '';
        else isWanted = true;
      });
    };
    url.value = null;
    get();
    // What a broken connection kept away comes with the next one.
    const stop = client.changes.listen((topics) => {
      if (isWanted && topics.has('connection') && client.isSynced) get();
    });
    return () => {
      isHere = false;
      stop();
    };
  }, [path]);
  return url.value;
}

/** Which picture a person or group has. */
export function faceOf(id: Id): Id | null {
  const { me, store } = client;
  if (id === me?.id) return me.avatar ?? null;
  return store.users.get(id)?.avatar ?? store.chats.get(id)?.chat.avatar ?? null;
}

/** Where the small picture of a person or group is. */
export function facePath(id: Id, known?: Id | null): string | null {
  const file = known ?? faceOf(id);
  return file ? `/api/v1/files/${file}?size=small` : null;
}

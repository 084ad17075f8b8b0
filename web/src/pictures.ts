/** Pictures of people, groups and messages, fetched as they are drawn. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Id } from 'wechat-sdk';

import { client } from './state.js';

/** The address of a picture in memory; nothing until it is there. */
export function usePicture(path: string | null | undefined): string | null {
  const url = useSignal<string | null>(null);
  useEffect(() => {
    let isHere = true;
    url.value = null;
    if (path) client.files.picture(path).then((found) => { if (isHere) url.value = found; }, () => undefined);
    return () => { isHere = false; };
  }, [path]);
  return url.value;
}

/** Where the small picture of a person or group is. */
export function facePath(id: Id): string | null {
  const { me, store } = client;
  const file = (id === me?.id ? me.avatar : null) ?? store.users.get(id)?.avatar ?? store.chats.get(id)?.chat.avatar;
  return file ? `/api/v1/files/${file}?size=small` : null;
}

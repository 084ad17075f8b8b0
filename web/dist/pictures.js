import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError } from 'wechat-sdk';
import { client } from './state.js';
export function usePicture(path) {
    const url = useSignal(null);
    useEffect(() => {
        if (!path) {
            url.value = null;
            return undefined;
        }
        let isHere = true;
        let isWanted = false;
        const get = () => {
            isWanted = false;
            const found = (one) => { if (isHere)
                url.value = one; };
            client.files.picture(path).then(found, (error) => {
                if (error instanceof ApiError && !error.isPassing)
                    url.value = '';
                else
                    isWanted = true;
            });
        };
        url.value = null;
        get();
        const stop = client.changes.listen((topics) => {
            if (isWanted && topics.has('connection') && client.isSynced)
                get();
        });
        return () => {
            isHere = false;
            stop();
        };
    }, [path]);
    return url.value;
}
export function faceOf(id) {
    const { me, store } = client;
    if (id === me?.id)
        return me.avatar ?? null;
    return store.users.get(id)?.avatar ?? store.chats.get(id)?.chat.avatar ?? null;
}
export function facePath(id, known) {
    const file = known ?? faceOf(id);
    return file ? `/api/v1/files/${file}?size=small` : null;
}

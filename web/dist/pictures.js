import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { client } from './state.js';
export function usePicture(path) {
    const url = useSignal(null);
    useEffect(() => {
        let isHere = true;
        url.value = null;
        if (path)
            client.files.picture(path).then((found) => { if (isHere)
                url.value = found; }, () => undefined);
        return () => { isHere = false; };
    }, [path]);
    return url.value;
}
export function facePath(id) {
    const { me, store } = client;
    const file = (id === me?.id ? me.avatar : null) ?? store.users.get(id)?.avatar ?? store.chats.get(id)?.chat.avatar;
    return file ? `/api/v1/files/${file}?size=small` : null;
}

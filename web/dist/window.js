import { useSignal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
const AROUND = 8;
export function useWindow(scroller, count, rowPx) {
    const range = useSignal('0 30');
    useLayoutEffect(() => {
        const element = scroller.current;
        if (!element)
            return undefined;
        const look = () => {
            const from = Math.max(0, Math.floor(element.scrollTop / rowPx) - AROUND);
            const to = Math.ceil((element.scrollTop + element.clientHeight) / rowPx) + AROUND;
            range.value = `${from} ${to}`;
        };
        look();
        element.addEventListener('scroll', look, { passive: true });
        const sizes = new ResizeObserver(look);
        sizes.observe(element);
        return () => {
            element.removeEventListener('scroll', look);
            sizes.disconnect();
        };
    }, [count > 0]);
    const [from = 0, to = 30] = range.value.split(' ').map(Number);
    return { from: Math.min(from, count), to: Math.min(to, count) };
}

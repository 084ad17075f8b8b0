import { client } from './state.js';
import { myId } from './names.js';
const FAR = 64;
const asked = new Set();
export async function learnCursors(state) {
    const peer = state.peer(myId());
    if (!peer || peer === myId() || asked.has(state.id))
        return;
    asked.add(state.id);
    const mine = state.messages.filter((row) => row.from === myId() && row.kind !== 'deleted');
    const rows = mine.slice(-FAR);
    const known = state.cursors.get(peer);
    const counts = async (seq) => client.rest.get(`/chats/${state.id}/messages/${seq}/receipts`);
    try {
        for (const what of ['read', 'delivered']) {
            let low = rows.findIndex(({ seq }) => seq > (known?.[what] ?? 0));
            if (low < 0)
                continue;
            let high = rows.length;
            if ((await counts(rows[high - 1]?.seq ?? 0))[what] > 0)
                low = high;
            else
                high -= 1;
            while (low < high) {
                const middle = (low + high) >> 1;
                if ((await counts(rows[middle]?.seq ?? 0))[what] > 0)
                    low = middle + 1;
                else
                    high = middle;
            }
            const seq = rows[low - 1]?.seq ?? 0;
            const event = { chat: state.id, user: peer, read_seq: 0, delivered_seq: 0 };
            client.store.applyReceipt({ ...event, [`${what}_seq`]: seq });
        }
    }
    catch {
        asked.delete(state.id);
    }
}

import { jsx as _jsx } from "preact/jsx-runtime";
const ALL = '😀😃😄😁😆😅😂🤣😊😇🙂😉😌😍🥰😘😋😜🤪🤓😎🥳😏😒😔😟😕🙁😣😫😩🥺😢😭😤😠😡🤯😳🥵🥶😱😨😰🤗🤔🤭🤫😶😐😬🙄😯😴🤤😷🤒'
    + '👍👎👌✌️🤞🤟👏🙌🤝🙏💪👋👀🫶❤️🧡💛💚💙💜🖤💔💕💯🔥✨🎉🎂🎁🎈🌟⭐☀️🌧️🌈❄️🌸🌻🌳🍀🐶🐱🦊🐻🐼🦁🐸🐵🦄🐝🦋🐢'
    + '🍎🍌🍓🍉🥑🍕🍔🌮🍣🍜🍰🍫☕🍺🍷🥂⚽🏀🏃🚴🏊🎵🎸🎮📷📚💡🔑🏠🚗✈️🚀⏰📅✅❌❓❗💤🇪🇸🇲🇽🇬🇧🇺🇸';
const EMOJI = [...new Intl.Segmenter().segment(ALL)].map(({ segment }) => segment);
export function EmojiPicker({ onPick }) {
    return (_jsx("div", { class: "emoji-grid", children: EMOJI.map((emoji) => (_jsx("button", { type: "button", "aria-label": emoji, onClick: () => onPick(emoji), children: emoji }, emoji))) }));
}

/** A small palette of emoji. */

import type { JSX } from 'preact';

const ALL =
  '😀😃😄😁😆😅😂🤣😊😇🙂😉😌😍🥰😘😋😜🤪🤓😎🥳😏😒😔😟😕🙁😣😫😩🥺😢😭😤😠😡🤯😳🥵🥶😱😨😰🤗🤔🤭🤫😶😐😬🙄😯😴🤤😷🤒'
  + '👍👎👌✌️🤞🤟👏🙌🤝🙏💪👋👀🫶❤️🧡💛💚💙💜🖤💔💕💯🔥✨🎉🎂🎁🎈🌟⭐☀️🌧️🌈❄️🌸🌻🌳🍀🐶🐱🦊🐻🐼🦁🐸🐵🦄🐝🦋🐢'
  + '🍎🍌🍓🍉🥑🍕🍔🌮🍣🍜🍰🍫☕🍺🍷🥂⚽🏀🏃🚴🏊🎵🎸🎮📷📚💡🔑🏠🚗✈️🚀⏰📅✅❌❓❗💤🇪🇸🇲🇽🇬🇧🇺🇸';

const EMOJI = [...new Intl.Segmenter().segment(ALL)].map(({ segment }) => segment);

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }): JSX.Element {
  return (
    <div class="emoji-grid">
      {EMOJI.map((emoji) => (
        <button type="button" key={emoji} aria-label={emoji} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  );
}

/** Rows of a card that do something, or lead somewhere in the page. */

import type { JSX } from 'preact';

import { Icon, type MenuItem } from './ui.js';

/** Does something; a menu's item as a row. */
export function Action({ icon, label, onClick, danger }: MenuItem): JSX.Element {
  return (
    <button type="button" class={`row-button ${danger ? 'danger' : ''}`} onClick={onClick}>
      <Icon name={icon} /><span>{label}</span>
    </button>
  );
}

interface LinkProps {
  /** The parts of the address behind `#/`. */
  to: string;
  label: string;
  icon?: string;
  /** It leads to where the page is. */
  isHere?: boolean;
}

/** Leads to another place of the page. */
export function Link({ to, label, icon, isHere = false }: LinkProps): JSX.Element {
  return (
    <a class="row-button" href={`#/${to}`} aria-current={isHere ? 'page' : undefined}>
      {icon && <Icon name={icon} />}
      <span class="grow">{label}</span>
      <span class="flip chevron"><Icon name="chevron-right" /></span>
    </a>
  );
}

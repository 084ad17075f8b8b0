// What the browser tests share: one browser and one server, people who come and go, what must hold
// on every screen, and the run of the scenarios.
import { createRequire } from 'node:module';
import { Person, check } from './person.mjs';
import { Server } from './server.mjs';

const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
];
export const SETTINGS = {
  CODES_PER_IP: '1000', CODES_PER_ADDRESS: '1000', RATE_PER_USER: 'off', RATE_PER_IP: 'off',
};

const [binary, ...wanted] = process.argv.slice(2);
const browser =
  await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
export const server = await Server.start(binary, SETTINGS);
let people = [];
let runs = 0;

// A server beside the common one, with settings of its own.
export const another = (settings) => Server.start(binary, { ...SETTINGS, ...settings });

export async function arrives(how, on = server) {
  const person = await Person.arrives(browser, on, how);
  people.push(person);
  return person;
}

// Names are fresh in each scenario, so that searches find who is meant.
export async function two(ana = {}, beto = {}, on = server) {
  const run = ++runs;
  return [
    await arrives({ name: `Ana ${run}na`, ...ana }, on),
    await arrives({ name: `Beto ${run}to`, lang: 'es', ...beto }, on),
  ];
}

export async function twoSignedUp(...how) {
  const both = await two(...how);
  for (const person of both) await person.signsUp();
  return both;
}

// No violation on the screen as it is.
async function accessible(person, screen) {
  const { violations } = await new AxeBuilder({ page: person.page }).analyze();
  const place = ({ html, any }) => `${html.slice(0, 160)} (${any[0]?.message ?? ''})`;
  const told = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(place).join(' | ')}`,
  );
  check(!told.length, `${screen}, ${person.lang}, ${person.width} px: ${told.join('\n')}`);
}

// Nothing is wider than the screen.
async function fits(person, screen) {
  const wide = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `${screen} is ${wide} px wider than ${person.width}`);
}

export async function screen(person, name) {
  await accessible(person, name);
  await fits(person, name);
  // To be looked at with one's own eyes.
  if (process.env.LOOK) {
    const file = `${name}-${person.width}-${person.theme}-${person.lang}`.replace(/[^\w-]+/g, '_');
    await person.page.screenshot({ path: `${process.env.LOOK}/${file}.png` });
  }
}

export const shown = (person, selector) => person.$(selector).first().waitFor();

export const token = (person) => person.inside(({ client }) => client.session.token);

// PART=2/3: the second of three processes that share all scenarios.
const [part, parts] = (process.env.PART ?? '1/1').split('/').map(Number);

const chosen = (scenarios) => Object.entries(scenarios).filter(
  ([name], at) => (wanted.length ? wanted.includes(name) : at % parts === part - 1),
);

// Runs those that the command line names, or this process's part, and ends the process.
export async function run(scenarios) {
  let failed = 0;
  for (const [name, play] of chosen(scenarios)) {
    const began = Date.now();
    try {
      const told = await play();
      console.log(
        `ok    ${name.padEnd(30)} ${((Date.now() - began) / 1000).toFixed(1)} s  ${told || ''}`,
      );
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name.padEnd(30)} ${error.stack || error}`);
      for (const person of people) await tell(person, name);
    }
    for (const person of people) await person.leaves().catch(() => undefined);
    people = [];
  }
  await browser.close();
  await server.end();
  process.exit(failed ? 1 : 0);
}

async function tell(person, name) {
  console.log(
    '     ', person.name, person.page?.url().replace(/^.*#/, '#'), person.errors.slice(0, 5),
  );
  if (!process.env.SCREENSHOTS) return;
  const path = `${process.env.SCREENSHOTS}/${name}-${person.width}.png`;
  await person.page?.screenshot({ path }).catch(() => undefined);
}

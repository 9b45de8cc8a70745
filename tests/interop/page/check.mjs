// Looks at the page of an admin address with headless Chromium, as an operator would.
//
//   CHROMIUM=/usr/bin/chromium node check.mjs MODULES LOCALMAP GUEST FOLDER
//
// MODULES has puppeteer-core and axe-core, GUEST stores and reads by the path of a request, and FOLDER
// gets the screenshots.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { Load, Server, until } from "./server.mjs";

const [modules, localmap, guest, folder] = process.argv.slice(2);
const require = createRequire(resolve(modules, "node_modules/"));
const { default: puppeteer } = await import(require.resolve("puppeteer-core"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let server = await Server.start(localmap, guest);
const load = new Load(server);
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
});

const tabs = [];

/** A tab with the page, in which everything that goes wrong is noted. */
async function open(scheme, width, height) {
  const page = await browser.newPage();
  tabs.push(page);
  page.problems = [];
  page.asked = [];
  page.on("console", (message) => page.problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("request", (request) => page.asked.push(request.url()));
  page.on("dialog", (dialog) => {
    page.problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.evaluateOnNewDocument(() => {
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", (event) => {
      globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height });
  await page.goto(server.admin);
  await page.waitForSelector('#state[data-state="live"]');
  return page;
}

const text = (page, selector) => page.$eval(selector, (found) => found.textContent);
const column = (page, index) =>
  page.$$eval("#maps tbody tr", (rows, at) => rows.map((row) => row.children[at].textContent), index);
const head = (page, title) =>
  page.evaluateHandle((wanted) => [...document.querySelectorAll("#maps th button")].find((found) => found.textContent === wanted), title);
const sorted = (page) => page.$eval("#maps [aria-sort]", (found) => `${found.textContent} ${found.ariaSort}`);
const ordered = (values, compare) => values.every((value, index) => index === 0 || compare(values[index - 1], value));
const step = (what) => console.log(`page: ${what}`);

/** What the charts show is computed from two responses. */
async function ratesAreRight(page) {
  const rates = await page.evaluate(async () => {
    const { between } = await import("/rates.js");
    const response = (seconds, age, count, hits) => ({
      uptime_us: seconds * 1e6, survey_age_ms: age * 1e3, bounds_ns: [100, 200, 400], requests: [],
      classes: [1, 2].map((number) => ({
        name: `class ${number}`, bytes: 7, entries: 1, tenants: 1, rate_limited: 0, refused: 0,
        operations: [{ kind: "get", count, buckets: [[1, count - 1], [3, 1]] }], hits, misses: 5, evicted: hits,
      })),
    });
    const first = between(response(1, 0, 10, 10), response(3, 0, 30, 20), "");
    return {
      first,
      one: between(response(1, 0, 10, 10), response(3, 0, 30, 20), "class 1"),
      sameSurvey: between(response(3, 0, 30, 20), response(3.5, 0.5, 40, 20), "", first),
      late: between(response(1, 1, 10, 10), response(3, 0, 30, 25), ""),
      gap: between(response(1, 0, 10, 10), response(60, 0, 30, 20), ""),
      nothing: between(response(1, 0, 10, 10), response(2, 0, 10, 10), ""),
    };
  });
  const { first, one, sameSurvey, late, gap, nothing } = rates;
  assert.deepEqual([first.operations, first.evicted, first.hits, first.bytes], [20, 10, 1, 14]);
  assert.deepEqual([one.operations, one.evicted, one.bytes, one.kinds[0].rate], [10, 5, 7, 10]);
  // All of them took from 100 to 200 ns.
  const [p50, p90, p99] = first.latency.operations;
  assert.ok(100 < p50 && p50 < p90 && p90 < p99 && p99 < 200, `${p50} ${p90} ${p99}`);
  assert.deepEqual([sameSurvey.operations, sameSurvey.evicted, sameSurvey.hits], [40, 10, 1]);
  assert.equal(late.evicted, 10, "in the 3 seconds between the surveys");
  assert.deepEqual([gap.operations, gap.evicted, gap.latency, gap.bytes], [null, null, null, null]);
  assert.deepEqual([nothing.operations, nothing.hits, nothing.latency.operations[0]], [0, null, null]);
  step("rates and percentiles are right");
  const forms = await page.evaluate(async () => {
    const { amount, rate } = await import("/format.js");
    return [[7, 1_300, 99_999, 123_456, 1_500_000].map(amount), [0, 0.01, 0.913, 11.4, 1_234].map(rate)];
  });
  assert.deepEqual(forms, [["7", "1,300", "99,999", "123K", "1.50M"], ["0.0", "< 0.1", "0.9", "11", "1.23K"]]);
  step("numbers below each other have the same form");
}

async function chartsMove(page) {
  const lines = () => page.$$eval(".plot .stroke", (paths) => paths.map((path) => path.getAttribute("d")));
  await until("points in all charts", async () => (await lines()).every((path) => path.includes("L")));
  const before = await lines();
  assert.equal(before.length, 8);
  await until("charts that move", async () => (await lines()).every((path, index) => path !== before[index]));
  // In some second, since other programs may take the processor in another.
  await until("the rate of the clients", async () => {
    const shown = Number(await text(page, '[data-chart="requests"] b'));
    return shown > load.rate() / 1.5 && shown < load.rate() * 1.5;
  });
  assert.match(await text(page, '[data-chart="latency"] b'), /^[\d.]+ (ns|µs|ms)$/);
  const labels = await page.$$eval(".plot", (plots) => plots.map((plot) => plot.ariaLabel));
  for (const label of labels) assert.match(label, /the last two minutes: .*now .*highest /);
  await until("evictions", async () => (await page.$$("#events li")).length > 0);
  assert.ok((await page.$$("#top li")).length > 0 && (await page.$$("#kinds tbody tr")).length > 1);
  step(`charts move: ${labels.join("; ")}`);
}

async function tableSorts(page) {
  assert.equal(await sorted(page), "Memory descending");
  const entries = async () => (await column(page, 3)).map((number) => Number(number.replaceAll(",", "")));
  await (await head(page, "Entries")).click();
  await until("entries, most first", async () =>
    (await sorted(page)) === "Entries descending" && ordered(await entries(), (a, b) => a >= b));
  await (await head(page, "Entries")).click();
  await until("entries, fewest first", async () =>
    (await sorted(page)) === "Entries ascending" && ordered(await entries(), (a, b) => a <= b));
  // With the keyboard: from the search, past the scroll area, to the first column.
  await page.focus("#filter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until("names by keyboard", async () => (await sorted(page)) === "Tenant ascending");
  const focused = await page.evaluate(() => document.activeElement.textContent);
  assert.equal(focused, "Tenant", "the focus stays");
  await page.keyboard.press("Space");
  await until("names by keyboard, last first", async () => (await sorted(page)) === "Tenant descending");
  step("the table sorts by mouse and keyboard");
}

async function tableSearches(page) {
  await page.focus("#filter");
  await page.keyboard.type("TENANT-1");
  await until("found", async () => {
    const names = await column(page, 0);
    return names.length === 11 && names.every((name) => name.startsWith("tenant-1"));
  });
  await until("what is found is said", async () => /^Tenants 1 to 11 of 11$/.test(await text(page, "#announce")));
  await page.keyboard.type("absent");
  await until("nothing found", async () => (await column(page, 0)).length === 0);
  assert.ok(await page.$eval("#tenants .empty", (empty) => !empty.hidden && empty.textContent === "No tenant matches."));
  await page.$eval("#filter", (filter) => { filter.value = ""; filter.dispatchEvent(new Event("input")); });
  await until("all", async () => (await column(page, 0)).length === 25);
  await page.click("#next");
  await until("the second page", async () => (await text(page, "#range")).startsWith("26 to "));
  await page.click("#previous");
  await until("the first page", async () => (await text(page, "#range")).startsWith("1 to 25 "));
  step("the table searches and pages");
}

async function hostileNamesAreText(page) {
  await page.focus("#filter");
  for (const [part, shown] of [["<img", "<img src=x onerror=alert(1)>"], ["txt.exe", "⟨202e⟩txt.exe"], ["wwww", "W".repeat(200)]]) {
    await page.$eval("#filter", (filter, value) => { filter.value = value; filter.dispatchEvent(new Event("input")); }, part);
    await until(shown, async () => (await column(page, 0)).join() === shown);
  }
  // Also next to a name that is too long, all columns are seen.
  assert.ok(await page.$eval("#tenants .scroll", ({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth), "the table is too wide");
  assert.equal(await page.$$eval("main img, main script", (found) => found.length), 0);
  await page.$eval("#filter", (filter) => { filter.value = ""; filter.dispatchEvent(new Event("input")); });
  step("hostile names are text");
}

async function classesAreFiltered(page) {
  const marked = () => page.$$eval(".all", (marks) => marks.map((mark) => getComputedStyle(mark).display !== "none"));
  assert.deepEqual(await marked(), [false, false, false]);
  const [, name] = await page.$$eval("#class option", (options) => options.map((option) => option.value));
  await page.select("#class", name);
  await until("only tenants of the class", async () => {
    const classes = await column(page, 12);
    return classes.length > 0 && classes.every((found) => found === name);
  });
  assert.deepEqual(await marked(), [true, true, true], "what is of all classes says so");
  await page.select("#class", "");
  assert.deepEqual(await marked(), [false, false, false]);
  step("a class is chosen, and what is of all of them says so");
}

async function isAccessible(page, name) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(found, [], `axe-core, ${name}`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: it is too wide`);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  step(`${name}: axe-core finds nothing in ${passes.length} rules`);
}

async function asksNothing(page, why) {
  // What is on its way.
  await until("the last response", async () => {
    const before = page.asked.length;
    await new Promise((done) => setTimeout(done, 1_500));
    return page.asked.length === before;
  });
  step(`nothing is asked while ${why}`);
}

async function restsWhenNobodyLooks(page) {
  await page.focus("#pause");
  await page.keyboard.press("Enter");
  await page.waitForSelector('#state[data-state="paused"]');
  assert.equal(await page.$eval("#pause", (button) => button.ariaPressed), "true");
  await asksNothing(page, "it is paused");
  await page.keyboard.press("Enter");
  await page.waitForSelector('#state[data-state="live"]');
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await asksNothing(page, "its tab has just been hidden");
  const before = page.asked.length;
  await until("requests of a hidden tab", async () => page.asked.length > before + 1);
  const hidden = page.asked.slice(before);
  assert.ok(hidden.every((url) => url === `${server.admin}stats`), `a hidden tab asks for more: ${hidden}`);
  await hide(false);
  await until("more requests", async () => page.asked.slice(before).some((url) => url.includes("/maps?")));
}

/** Pages of other sites can neither read, embed nor frame anything. */
async function othersReadNothing() {
  const site = http.createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<iframe src="${server.admin}"></iframe><img src="${server.admin}icon.svg">`);
  });
  await new Promise((listens) => site.listen(0, "127.0.0.1", listens));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const read = await page.evaluate(async (admin) => {
    const tries = ["cors", "no-cors"].flatMap((mode) => ["stats", "maps", "metrics"].map((path) => fetch(admin + path, { mode })));
    const results = await Promise.allSettled(tries);
    return [results.filter(({ status }) => status === "fulfilled").length, document.images[0].naturalWidth];
  }, server.admin);
  assert.deepEqual(read, [0, 0]);
  const framed = page.frames().find((frame) => frame !== page.mainFrame());
  assert.equal(await framed.$$eval("header, main", (found) => found.length).catch(() => 0), 0);
  site.close();
  await page.close();
  step("pages of other sites read nothing");
}

async function saysWhenTheServerIsGone(page) {
  const wrong = page.problems.length;
  await load.stop();
  await server.stop();
  await page.waitForSelector('#state[data-state="gone"]');
  assert.match(await text(page, "#notice"), /does not answer/);
  assert.equal(await text(page, "#announce"), "Server gone");
  server = await Server.start(localmap, guest, new URL(server.admin).host);
  await page.waitForSelector('#state[data-state="live"]', { timeout: 20_000 });
  assert.ok(await page.$eval("#notice", (notice) => notice.hidden));
  await until("charts of the new server", async () => (await text(page, '[data-chart="requests"] b')) === "0");
  await until("an empty table", async () => (await text(page, "#tenants .empty")) === "No tenants at the moment.");
  // The browser itself reports the requests that had no response.
  const others = page.problems.splice(wrong).filter((problem) => !problem.includes("ERR_"));
  assert.deepEqual(others, []);
  step("it says that the server is gone, and goes on with the next one");
}

try {
  await load.start();
  const page = await open("light", 1280, 900);
  await ratesAreRight(page);
  await chartsMove(page);
  await tableSorts(page);
  await hostileNamesAreText(page);
  await classesAreFiltered(page);
  await tableSearches(page);
  await isAccessible(page, "light");
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await isAccessible(page, "dark");
  const phone = await open("light", 360, 780);
  await chartsMove(phone);
  await isAccessible(phone, "phone");
  await phone.close();
  await page.bringToFront();
  await restsWhenNobodyLooks(page);
  await othersReadNothing();
  await page.bringToFront();
  await saysWhenTheServerIsGone(page);
  for (const tab of tabs) {
    assert.deepEqual(tab.problems, []);
    assert.ok(tab.asked.every((url) => url.startsWith(server.admin)), `it asks elsewhere: ${tab.asked}`);
  }
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
  step("no error in the console, no request to anywhere else");
} catch (error) {
  console.error(...tabs.flatMap(({ problems }) => problems));
  throw error;
} finally {
  await load.stop();
  await browser.close();
  await server.stop();
}

import type { Localized } from '#model/localized.ts'
import { html, Safe } from './html-text.ts'
import { momentNames, type DrillReport, type SystemReport } from './report.ts'
import { style } from './style.ts'
import { systemsTable } from './systems-table.ts'
import { english, korean, type Words } from './words.ts'

/** The report as one page without anything from outside: Korean and English, one of them shown, printable. */
export function renderHtml(report: DrillReport): string {
  const page = html`<!doctype html>
    <html lang="ko">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${korean.title} — ${report.run.id}</title>
        <style>
          ${new Safe(style)}
        </style>
      </head>
      <body>
        <input type="radio" name="language" id="show-ko" checked /><label for="show-ko">한국어</label>
        <input type="radio" name="language" id="show-en" /><label for="show-en">English</label>
        ${body(report, 'ko', korean)} ${body(report, 'en', english)}
      </body>
    </html> `
  return page.text
}

type Language = keyof Localized

function body(report: DrillReport, language: Language, words: Words): Safe {
  const { loss, recoverySite, totals, run } = report
  const say = (text: Localized) => text[language]
  const siteName = (id: string) => report.siteNames[id]?.[language] ?? id
  return html`<main lang="${language}">
    <h1>${words.title}</h1>
    <p class="lead">
      ${words.lead(siteName(loss.site), `${day(loss.at)} ${clock(loss.at)}`, siteName(recoverySite))}
    </p>
    <p class="note">${report.byTheLab ? words.byTheLab : words.byPeople} ${words.timesAre}</p>
    <h2>${words.summary}</h2>
    <dl>
      <dt>${words.allServing}</dt>
      <dd>${totals.allServingMs === null ? words.stillAway : words.duration(totals.allServingMs)}</dd>
      <dt>${words.lost}</dt>
      <dd>${words.count(totals.lost)} / ${words.count(totals.acknowledged)}</dd>
      <dt>${words.run}</dt>
      <dd><code>${run.id}</code> (${run.state})</dd>
      <dt>${words.digest}</dt>
      <dd><code>${run.planDigest}</code></dd>
      <dt>${words.instance}</dt>
      <dd>${report.instance}</dd>
    </dl>
    <h2>${words.systems}</h2>
    ${systemsTable(report.systems, language, words)}
    <p class="note">${words.rtoHint} ${words.rpoHint}</p>
    <h2>${words.timeline}</h2>
    ${timesTable(report, language, words)}
    <h2>${words.order}</h2>
    ${orderTable(report, language, words)}
    <h2>${words.lost}</h2>
    ${lostTable(report.systems, words)}
    <h2>${words.debts}</h2>
    ${list(
      report.fenceDebts.map(
        ({ system, since, by }) => `${system}: ${by.join(', ')}, ${clock(since)} ${words.since}`,
      ),
      words,
    )}
    <h2>${words.people}</h2>
    ${peopleTable(report, words)}
    <h2>${words.departures}</h2>
    ${list(report.departures.map(say), words)}
    <h2>${words.backups}</h2>
    <p>${words.backupLine(report.backups)}</p>
    <h2>${words.notExercised}</h2>
    ${list(report.notExercised.map(say), words)}
    <h2>${words.notes}</h2>
    ${list(report.notes.map(say), words)}
  </main>`
}

function list(items: readonly string[], words: Words): Safe {
  if (items.length === 0) return html`<p>${words.none}</p>`
  return html`<ul>
    ${items.map((item) => html`<li>${item}</li>`)}
  </ul>`
}

/** The eight moments of every moved system, each as its distance from the loss. */
function timesTable(report: DrillReport, language: Language, words: Words): Safe {
  const rows = report.systems.filter(({ part }) => part !== 'untouched')
  const lossAt = Date.parse(report.loss.at)
  const head = momentNames.map((name) => html`<th scope="col">${words.moments[name]}</th>`)
  return html`<div class="wide">
    <table class="times">
      <thead>
        <tr>
          <th scope="col">${words.system}</th>
          ${head}
          <th scope="col">${words.byCitizens}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (system) =>
            html`<tr>
              <th scope="row">${system.id} <span>${system.name[language]}</span></th>
              ${momentNames.map((name) => moment(system.times?.[name] ?? null, lossAt))}
              <td>${backAt(system, words).map((text) => html`<span>${text}</span>`)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function moment(at: string | null, lossAt: number): Safe {
  if (at === null) return html`<td>–</td>`
  const seconds = ((Date.parse(at) - lossAt) / 1000).toFixed(1)
  return html`<td>
    <b>${Number(seconds) < 0 ? '−' : '+'}${seconds.replace('-', '')}</b><span>${clock(at)}</span>
  </td>`
}

function backAt(system: SystemReport, words: Words): string[] {
  return system.citizens.away.map(
    ({ since, until }) => `${clock(since)} – ${until === null ? words.stillAway : clock(until)}`,
  )
}

function orderTable(report: DrillReport, language: Language, words: Words): Safe {
  const moved = report.systems
    .filter(({ wave }) => wave !== null)
    .sort((a, b) => (a.wave ?? 0) - (b.wave ?? 0))
  return html`<table>
    <thead>
      <tr>
        <th scope="col">${words.wave}</th>
        <th scope="col">${words.system}</th>
        <th scope="col">${words.why}</th>
      </tr>
    </thead>
    <tbody>
      ${moved.map(
        (system) =>
          html`<tr>
            <td>${system.wave ?? ''}</td>
            <th scope="row">${system.id} <span>${system.name[language]}</span></th>
            <td>${system.why.map((why) => html`<div>${why[language]}</div>`)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`
}

function lostTable(systems: readonly SystemReport[], words: Words): Safe {
  const lost = systems.flatMap(({ id, citizens }) => citizens.lost.map((entry) => ({ system: id, ...entry })))
  const unknown = systems.filter(({ citizens }) => citizens.lookedUp !== true)
  const asked = unknown.map(
    ({ id, citizens }) => html`<p>${id}: ${words.notLookedUp} (${String(citizens.lookedUp)})</p>`,
  )
  if (lost.length === 0)
    return html`<p>${words.none}</p>
      ${asked}`
  return html`<table>
      <thead>
        <tr>
          <th scope="col">${words.system}</th>
          <th scope="col">${words.id}</th>
          <th scope="col">${words.acknowledged}</th>
        </tr>
      </thead>
      <tbody>
        ${lost.map(
          ({ system, id, acknowledgedAt }) =>
            html`<tr>
              <td>${system}</td>
              <td><code>${id}</code></td>
              <td>${clock(acknowledgedAt)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${asked}`
}

function peopleTable(report: DrillReport, words: Words): Safe {
  return html`<table>
    <thead>
      <tr>
        <th scope="col">${words.what}</th>
        <th scope="col">${words.who}</th>
        <th scope="col">${words.when}</th>
        <th scope="col">${words.sources}</th>
      </tr>
    </thead>
    <tbody>
      ${report.statements.map(
        ({ purpose, principal, at, sources }) =>
          html`<tr>
            <td>${words.purposes[purpose] ?? purpose}</td>
            <td>${principal}</td>
            <td>${clock(at)}</td>
            <td>${sources.join(', ') || '–'}</td>
          </tr>`,
      )}
    </tbody>
  </table>`
}

/** Time of day in Korea, with milliseconds. */
function clock(at: string): string {
  return inKorea(at).slice(11, 23)
}

function day(at: string): string {
  return inKorea(at).slice(0, 10)
}

function inKorea(at: string): string {
  return new Date(Date.parse(at) + 9 * 3_600_000).toISOString()
}

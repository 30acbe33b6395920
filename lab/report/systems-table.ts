import type { Localized } from '#model/localized.ts'
import { html, type Safe } from './html-text.ts'
import type { SystemReport } from './report.ts'
import type { Words } from './words.ts'

/** Targets beside what was achieved, by Haetae's measure and by the citizens'. */
export function systemsTable(
  systems: readonly SystemReport[],
  language: keyof Localized,
  words: Words,
): Safe {
  const columns = [words.target, words.byHaetae, words.byCitizens, words.judged]
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          <th rowspan="2" scope="col">${words.system}</th>
          <th rowspan="2" scope="col">${words.grade}</th>
          <th colspan="4" scope="colgroup">${words.rto}</th>
          <th colspan="4" scope="colgroup">${words.rpo}</th>
        </tr>
        <tr>
          ${[...columns, words.target, words.byHaetae, words.lostCount, words.judged].map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${systems.map(
          (system) =>
            html`<tr>
              <th scope="row">
                ${system.id} <span>${system.name[language]}</span><span>${words.part[system.part]}</span>
              </th>
              <td>${system.grade}</td>
              ${rtoCells(system, words)}${rpoCells(system, words)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function rtoCells(system: SystemReport, words: Words): Safe {
  const { targets, haetae, citizens, part } = system
  const measured =
    haetae.rtoMs === null ? (part === 'moved' ? words.notMeasured : '–') : words.duration(haetae.rtoMs)
  return html`<td>${targets === null || targets.rpoMs === null ? '–' : words.duration(targets.rtoMs)}</td>
    <td>${measured}</td>
    <td>${citizens.awayMs === null ? words.stillAway : words.duration(citizens.awayMs)}</td>
    <td>${judged(system.rtoMet, part, words)}</td>`
}

function rpoCells(system: SystemReport, words: Words): Safe {
  const { targets, haetae, citizens, part } = system
  const { rpo } = haetae
  const measured =
    rpo === null
      ? part === 'moved'
        ? words.notMeasured
        : '–'
      : `${words.duration(rpo.ms)} ±${words.duration(rpo.errorMs)}`
  const lost =
    citizens.lookedUp === true
      ? `${words.count(citizens.lost.length)} / ${words.count(citizens.acknowledged)}`
      : words.notLookedUp
  return html`<td>${targets === null || targets.rpoMs === null ? '–' : words.duration(targets.rpoMs)}</td>
    <td>${measured}</td>
    <td>${lost}</td>
    <td>${judged(system.rpoMet, part, words)}</td>`
}

/** A sign and a word: never colour alone. */
function judged(met: boolean | null, part: SystemReport['part'], words: Words): Safe {
  if (met === null) return html`${part === 'moved' ? words.notMeasured : '–'}`
  return met
    ? html`<span class="met">✔ ${words.met}</span>`
    : html`<span class="missed">✘ ${words.missed}</span>`
}

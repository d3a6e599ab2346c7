// Which structure a prompt's number means, when the model changes: prompts stay with the name. Prompts for a structure that the new
// model lacks wait, with numbers after its own, for a model that has it.

import { mapped, type History } from './history';
import type { PromptSet } from './prompts';

/** The history in the numbers of a model's structures, and all names that its prompts are for: the model's own first. */
export function renumbered(history: History, before: readonly string[], own: readonly string[]): { history: History; structures: readonly string[] } {
  const used = new Set([history.present, ...history.past.map(({ made }) => made), ...history.future.map(({ made }) => made)].flatMap(({ prompts }) => [...prompts.values()].flat().map(({ structure }) => structure)));
  const structures = [...own];
  const numbers = before.map((name, number) => {
    if (own[number] === name) return number;
    const now = structures.indexOf(name);
    if (now >= 0 || !used.has(number)) return now;
    return structures.push(name) - 1;
  });
  if (numbers.every((now, number) => now === number || !used.has(number))) return { history, structures };
  // The same sets stay the same values, so that steps go on sharing them.
  const sets = new Map<PromptSet, PromptSet>();
  const renumber = (prompts: PromptSet) => {
    const known = sets.get(prompts) ?? prompts.map((prompt) => ({ ...prompt, structure: numbers[prompt.structure] ?? prompt.structure }));
    sets.set(prompts, known);
    return known;
  };
  return { history: mapped(history, (made) => ({ ...made, prompts: new Map([...made.prompts].map(([frame, prompts]) => [frame, renumber(prompts)])) })), structures };
}

/** Names of structures that the present prompts are for and the model lacks. */
export function waiting({ present }: History, structures: readonly string[], own: number): string[] {
  const numbers = new Set([...present.prompts.values()].flat().map(({ structure }) => structure));
  return structures.filter((_, number) => number >= own && numbers.has(number));
}

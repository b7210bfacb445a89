/** `1 event`, `2 events`: a number of things, as a sentence has it. */
export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;

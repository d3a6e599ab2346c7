// Crops drawn by hand, kept in the browser for the next time the same source is opened.

import { clampBox, sameBox, wholeOf, type Box, type Size } from '../../shared/geometry';

const PREFIX = 'sam2rad crop: ';

/** The crop of a picture: one drawn before, else the one its source suggests, else all of it. */
export function cropOf(key: string, size: Size, suggested: Box | null): Box {
  return clampBox(remembered(key) ?? suggested ?? wholeOf(size), size);
}

/** Forgets where the crop is what it would be anyway. */
export function rememberCrop(key: string, size: Size, suggested: Box | null, crop: Box): void {
  try {
    if (sameBox(crop, clampBox(suggested ?? wholeOf(size), size))) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(crop));
  } catch {
    // A browser that keeps nothing: the crop holds until the source is closed.
  }
}

function remembered(key: string): Box | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null');
    return Array.isArray(value) && value.length === 4 && value.every(Number.isFinite) ? (value as Box) : null;
  } catch {
    return null;
  }
}

//! The pictures of a training, and the order in which they are used.

use rand::Rng;
use rand::seq::SliceRandom;
use std::sync::Arc;

use super::TrainingPicture;
use super::random::{Purpose, generator};
use crate::frame::LabelledPicture;
use crate::structure::Structure;

/// Pictures to train and to validate on.
pub struct TrainingData {
    /// What is labelled anywhere, in the order of the network's prompts.
    pub structures: Vec<Structure>,
    /// Pictures that are labelled alike; at least one set has some to train on.
    pub sets: Vec<TrainingSet>,
    /// What the model file says the weights were trained on.
    pub description: String,
    /// The training's seed.
    pub seed: u64,
}

/// Pictures of one source. Class id `i + 1` in them is the network's structure `structures[i]`.
pub struct TrainingSet {
    /// Which of the network's structures are labelled here.
    pub structures: Vec<usize>,
    /// The pictures to validate on, as they are.
    pub validation: Vec<LabelledPicture>,
    /// How often one of its pictures is drawn, beside the other sets' shares.
    pub share: f64,
    /// The pictures to train on.
    pub source: Box<dyn PictureSource>,
}

/// Pictures by number.
pub trait PictureSource: Send + Sync {
    /// Pictures that there are before they come again.
    fn count(&self) -> usize;
    /// Picture `index`, used for the time `round`, counted from 0.
    fn picture(&self, round: usize, index: usize) -> Arc<TrainingPicture>;
    /// Whether making a picture takes so long that it should be done ahead.
    fn is_made_when_asked(&self) -> bool {
        false
    }
}

impl PictureSource for Vec<Arc<TrainingPicture>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn picture(&self, _round: usize, index: usize) -> Arc<TrainingPicture> {
        self[index].clone()
    }
}

/// Which picture a step looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The set.
    pub set: usize,
    /// The picture's number in its set.
    pub index: usize,
    /// How often the set's pictures came before.
    pub round: usize,
}

impl TrainingData {
    /// Pictures that there are before they come again.
    pub fn len(&self) -> usize {
        self.sets.iter().map(TrainingSet::len).sum()
    }

    /// Whether there are none: never, once opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pictures to validate on, of all sets.
    pub fn validation_len(&self) -> usize {
        self.sets.iter().map(|set| set.validation.len()).sum()
    }

    /// Which picture is looked at as number `n` since the training began. In a single set each comes once before any comes
    /// again, in another order each time; of several sets one is drawn by its share, and any of its pictures.
    pub fn draw(&self, n: usize) -> Draw {
        let mut teaching = self.sets.iter().enumerate().filter(|(_, set)| set.len() > 0);
        if let (Some((at, set)), None) = (teaching.next(), teaching.next()) {
            let (round, place) = (n / set.len(), n % set.len());
            let mut order: Vec<usize> = (0..set.len()).collect();
            order.shuffle(&mut generator(self.seed, Purpose::Order, round as u64));
            return Draw { set: at, index: order[place], round };
        }
        let mut rng = generator(self.seed, Purpose::Order, n as u64);
        let mut left = rng.random::<f64>() * self.sets.iter().map(|set| set.share).sum::<f64>();
        let mut set = 0;
        for (at, other) in self.sets.iter().enumerate().filter(|(_, set)| set.len() > 0) {
            set = at;
            left -= other.share;
            if left < 0.0 {
                break;
            }
        }
        let index = rng.random_range(0..self.sets[set].len());
        Draw { set, index, round: n / self.len() }
    }

    /// The picture of a draw.
    pub fn picture(&self, draw: Draw) -> Arc<TrainingPicture> {
        self.sets[draw.set].source.picture(draw.round, draw.index)
    }

    /// A number of the draw's picture that no other has.
    pub fn number(&self, draw: Draw) -> usize {
        self.sets[..draw.set].iter().map(TrainingSet::len).sum::<usize>() + draw.index
    }
}

impl TrainingSet {
    /// Pictures that there are before they come again.
    fn len(&self) -> usize {
        self.source.count()
    }
}

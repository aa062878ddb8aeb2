//! The applet from outside.

mod attack;
mod bounds;
mod cut;
mod desk;
mod import;
mod life;
mod orders;
mod pins;
mod protocol;
mod scripts;

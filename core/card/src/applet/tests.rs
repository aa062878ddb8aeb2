//! The applet from outside.

mod attack;
mod cut;
mod desk;
mod orders;
mod pins;
